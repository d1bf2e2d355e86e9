import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ToolPolicy } from "../../../contracts/tools.ts";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";
import { NoneSandbox } from "../../../services/sandbox/none-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../services/sandbox/sandbox.ts";
import { runTool } from "../../../services/sandbox/tools/registry.ts";
import type { InjectionCase } from "./injection-case.ts";
import { INJECTION_CASES } from "./injection-cases.ts";
import { REFUSED_CASES } from "./refused-command-cases.ts";
import { isRoot, Playground } from "./support.ts";

const SECRET = "content-of-somebody-else";

const call = (input: unknown, sandbox: Sandbox, profile: SandboxProfile) =>
  runTool(
    "execute_command",
    input,
    { sandbox, profile, signal: new AbortController().signal, onOutput: () => undefined, log: () => undefined },
    ToolPolicy.parse({}),
  );

describe("hostile commands that are refused", () => {
  let runs = 0;
  const counting = {
    kind: "none",
    status: new NoneSandbox({ path: "" }).status,
    run: async () => {
      runs += 1;
      return { exitCode: 0, signal: null, timedOut: false, outOfMemory: false, durationMs: 0 };
    },
    recover: async () => 0,
  } satisfies Sandbox;
  const playground = new Playground();
  const profile = playground.makeWorkspace();
  fs.mkdirSync(join(profile.workspaceDir, "dir"));
  const bubblewrap = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
  after(() => playground.remove());

  for (const [what, input, code] of REFUSED_CASES) {
    it(`${code}: ${what}`, async () => {
      // What the sandbox itself refuses is asked of the real one.
      const real =
        code === "INVALID_COMMAND" || (code === "PATH_OUTSIDE_WORKSPACE" && what.startsWith("a folder above"));
      const { ok, error, output } = await call(input, real ? bubblewrap : counting, profile);
      assert.deepEqual([ok, error?.code, output], [false, code, null]);
      assert.ok((error?.remedy.length ?? 0) > 5 && (error?.message.length ?? 0) < 2_000, error?.message);
      assert.equal(runs, 0, "nothing was started");
    });
  }
});

describe("hostile commands that run, inside", () => {
  const playground = new Playground();
  const other = join(playground.folder, "other");
  const canary = join(playground.folder, "canary");
  const bare = new NoneSandbox({ path: "/usr/bin:/bin" });
  let sandbox: Sandbox;

  before(() => {
    sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
    fs.mkdirSync(other);
    fs.writeFileSync(join(other, "secret"), SECRET, { mode: 0o644 });
  });
  after(() => playground.remove());

  const prepare = (row: InjectionCase, seenAs: string | undefined): SandboxProfile => {
    const profile = playground.makeWorkspace();
    const place = (text: string) =>
      text
        .replaceAll("{W}", seenAs ?? profile.workspaceDir)
        .replaceAll("{OTHER}", other)
        .replaceAll("{CANARY}", canary);
    const files = {
      payload: "#!/bin/sh\necho payload-ran >>{W}/ran\ntouch {CANARY} 2>/dev/null\ncat {OTHER}/secret 2>&1\n",
      ...row.files,
    };
    for (const [name, content] of Object.entries(files)) {
      const path = join(profile.workspaceDir, name);
      fs.mkdirSync(join(path, ".."), { recursive: true });
      fs.writeFileSync(path, place(content), { mode: 0o755 });
    }
    // Bare it runs as root, and git trusts no repository of another user.
    const uid = seenAs === undefined ? 0 : profile.uid;
    for (const entry of isRoot
      ? ["", ...(fs.readdirSync(profile.workspaceDir, { recursive: true }) as string[])]
      : []) {
      fs.lchownSync(join(profile.workspaceDir, entry), uid, uid);
    }
    return profile;
  };
  const inputOf = ({ argv, command, environment = {}, stdin, cwd }: InjectionCase, dir: string) => {
    const place = (text: string) =>
      text.replaceAll("{W}", dir).replaceAll("{OTHER}", other).replaceAll("{CANARY}", canary);
    return {
      ...(argv === undefined ? { command: place(command ?? "") } : { argv: argv.map(place) }),
      environment: Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, place(value)])),
      ...(stdin === undefined ? {} : { stdin: place(stdin) }),
      ...(cwd === undefined ? {} : { cwd }),
      timeoutSeconds: 20,
    };
  };
  const said = async (row: InjectionCase, where: Sandbox, profile: SandboxProfile, dir: string) => {
    const { output, error } = await call(inputOf(row, dir), where, profile);
    const { stdout = "", stderr = "" } = (output ?? {}) as { stdout?: string; stderr?: string };
    const ran = fs.existsSync(join(profile.workspaceDir, "ran"));
    return { text: `${stdout}\n${stderr}\n${error?.message ?? ""}`, ran };
  };

  for (const row of INJECTION_CASES) {
    const missing = row.needs !== undefined && !fs.existsSync(`/usr/bin/${row.needs}`);
    it(`${row.outcome}: ${row.what}`, { skip: missing && `needs ${row.needs ?? ""}` }, async () => {
      const inside = await said(row, sandbox, prepare(row, "/workspace"), "/workspace");
      assert.ok(!inside.text.includes(SECRET), inside.text);
      assert.equal(fs.existsSync(canary), false, "nothing was made outside");
      assert.equal(fs.readFileSync(join(other, "secret"), "utf8"), SECRET);
      assert.deepEqual(fs.readdirSync(other), ["secret"]);
      assert.equal(inside.ran, row.outcome === "inside", inside.text);
      if (row.outcome !== "inside" || !isRoot) return;
      // The same way leads out where there is no sandbox.
      const profile = prepare(row, undefined);
      const outside = await said(row, bare, profile, profile.workspaceDir);
      const led = fs.existsSync(canary);
      fs.rmSync(canary, { force: true });
      assert.ok(led, `control: ${outside.text}`);
    });
  }

  it("are 300 with those that are refused, and more", () => {
    assert.ok(
      INJECTION_CASES.length + REFUSED_CASES.length >= 300,
      `${INJECTION_CASES.length} + ${REFUSED_CASES.length}`,
    );
    assert.ok(INJECTION_CASES.length >= 100, `${INJECTION_CASES.length}`);
  });
});
