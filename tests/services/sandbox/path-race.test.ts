import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ToolPolicy } from "../../../contracts/tools.ts";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../services/sandbox/sandbox.ts";
import { runTool } from "../../../services/sandbox/tools/registry.ts";
import { Playground, run } from "./support.ts";

const SECRET = "content-of-somebody-else";
/** Shorter where somebody waits for it. */
const SECONDS = Number(process.env["AUTOMATOS_RACE_SECONDS"] ?? "60");

/**
 * Exchanges, as fast as it can, a folder with a link to somebody else's (`way`), a file with a link to somebody else's
 * (`door`), and a folder that is walked through with one from above (`deep/a`): RENAME_EXCHANGE, so that there is no
 * moment without the name.
 */
const ATTACKER = (other: string) => `import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs("way", exist_ok=True); open("way/secret", "w").write("own")
os.symlink("${other}", "way-out")
open("door", "w").write("own"); os.symlink("${other}/secret", "door-out")
os.makedirs("deep/a/b", exist_ok=True); open("deep/a/b/secret", "w").write("own")
os.makedirs("deep/other-a", exist_ok=True); os.symlink("${other}", "deep/other-a/b")
print("ready", flush=True)
def swap(x, y): libc.renameat2(-100, x, -100, y, 2)
while True:
    for _ in range(200):
        swap(b"way", b"way-out"); swap(b"door", b"door-out"); swap(b"deep/a", b"deep/other-a")
`;

describe("a race for a path", () => {
  const playground = new Playground();
  const other = join(playground.folder, "other");
  let sandbox: Sandbox;
  let profile: SandboxProfile;
  let attack: Promise<unknown>;
  const stop = new AbortController();

  before(async () => {
    sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
    profile = playground.makeWorkspace();
    profile = { ...profile, limits: { ...profile.limits, cpuMillicores: 600 } };
    fs.mkdirSync(other);
    fs.writeFileSync(join(other, "secret"), SECRET, { mode: 0o644 });
    const ready = Promise.withResolvers<undefined>();
    attack = run(sandbox, profile, ["/usr/bin/python3", "-c", ATTACKER(other)], {
      timeoutMs: (SECONDS + 60) * 1_000,
      signal: stop.signal,
      onOutput: (stream, text) => {
        if (stream === "stdout" && text.includes("ready")) ready.resolve(undefined);
        else ready.reject(new Error(text));
      },
    });
    await ready.promise;
  });
  after(async () => {
    stop.abort();
    await attack;
    playground.remove();
  });

  const call = (name: string, input: unknown) =>
    runTool(
      name,
      input,
      { sandbox, profile, signal: new AbortController().signal, onOutput: () => undefined, log: () => undefined },
      ToolPolicy.parse({}),
    );

  it("is won by the attacker where a path is checked before it is opened (control)", async () => {
    const { workspaceDir } = profile;
    const escaped = await until(async () => {
      for (let attempt = 0; attempt < 500; attempt++) {
        const path = join(workspaceDir, "way/secret");
        try {
          if (!fs.realpathSync(path).startsWith(`${workspaceDir}/`)) continue;
          if (fs.readFileSync(path, "utf8") === SECRET) return true;
        } catch {
          // between two states
        }
      }
      await delay(0);
      return false;
    });
    assert.ok(escaped);
  });

  it(`is won by no tool, in ${SECONDS} s`, { timeout: (SECONDS + 60) * 1_000 }, async () => {
    const answers: Record<string, number> = {};
    const endsAt = performance.now() + SECONDS * 1_000;
    const attempts: readonly (readonly [tool: string, input: object])[] = [
      ["read_file", { path: "way/secret" }],
      ["read_file", { path: "door" }],
      ["read_file", { path: "deep/a/b/secret" }],
      ["list_directory", { path: "way" }],
      ["list_directory", { path: "deep/a/b", recursive: true }],
      ["list_directory", { path: ".", recursive: true }],
      ["write_file", { path: "way/made", content: "made" }],
      ["write_file", { path: "deep/a/b/made", content: "made", createDirectories: true }],
      ["create_directory", { path: "way/folder/below" }],
      ["create_directory", { path: "deep/a/b/folder" }],
    ];
    while (performance.now() < endsAt) {
      await Promise.all(
        attempts.map(async ([tool, input]) => {
          const { error, output } = await call(tool, input);
          const text = JSON.stringify(output);
          assert.ok(!text.includes(SECRET), `${tool} ${JSON.stringify(input)}: ${text}`);
          const key = `${tool} ${error?.code ?? "done"}`;
          answers[key] = (answers[key] ?? 0) + 1;
        }),
      );
      assert.deepEqual(fs.readdirSync(other), ["secret"], "nothing was made there");
    }
    assert.equal(fs.readFileSync(join(other, "secret"), "utf8"), SECRET);
    // The race was on: each tool met both states, often.
    for (const tool of ["read_file", "list_directory", "write_file", "create_directory"]) {
      for (const outcome of ["done", "PATH_IS_SYMLINK"]) {
        assert.ok((answers[`${tool} ${outcome}`] ?? 0) > 10, `${tool} ${outcome}: ${JSON.stringify(answers)}`);
      }
    }
    const known = /^\w+ (done|PATH_IS_SYMLINK|NOT_A_DIRECTORY|FILE_NOT_FOUND|FILE_EXISTS|NOT_A_FILE)$/;
    assert.deepEqual(
      Object.keys(answers).filter((key) => !known.test(key)),
      [],
    );
  });
});

async function until(attempt: () => Promise<boolean>): Promise<boolean> {
  const endsAt = performance.now() + 30_000;
  while (performance.now() < endsAt) if (await attempt()) return true;
  return false;
}
