import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ToolPolicy } from "../../../contracts/tools.ts";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../services/sandbox/sandbox.ts";
import { runTool } from "../../../services/sandbox/tools/registry.ts";
import { LINKS, PATH_CASES, type PathOutcome } from "./hostile-path-cases.ts";
import { isRoot, Playground, sh } from "./support.ts";

const SECRET = "content-of-somebody-else";
const OUTSIDE = "PATH_OUTSIDE_WORKSPACE";
const SYMLINK = "PATH_IS_SYMLINK";
const MISSING = "FILE_NOT_FOUND";

/** What is in the workspace and is no file to be read. */
const NO_FILES: readonly (readonly [what: string, path: string, code: string])[] = [
  ["a FIFO", "fifo", "NOT_A_FILE"],
  ["a socket", "socket", "NOT_A_FILE"],
  ["a directory", "dir", "NOT_A_FILE"],
  ...(isRoot
    ? ([
        ["a device", "zero", "NOT_A_FILE"],
        ["a hard link to another user's file", "hardlink", OUTSIDE],
      ] as const)
    : []),
];

describe("hostile paths", () => {
  const playground = new Playground();
  let sandbox: Sandbox;
  let profile: SandboxProfile;
  let workspace: string;
  let other: string;

  before(() => {
    sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
    profile = playground.makeWorkspace();
    workspace = profile.workspaceDir;
    other = join(playground.folder, "other");
    fs.mkdirSync(other);
    fs.writeFileSync(join(other, "secret"), SECRET, { mode: 0o644 });
    fs.mkdirSync(join(workspace, "dir"));
    fs.writeFileSync(join(workspace, "dir", "file"), "own");
    fs.linkSync(join(workspace, "dir", "file"), join(workspace, "link-to-file"));
    for (const name of Object.keys(LINKS)) relink(name);
    execFileSync("mkfifo", [join(workspace, "fifo")]);
    execFileSync("/usr/bin/python3", [
      "-c",
      "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])",
      join(workspace, "socket"),
    ]);
    if (!isRoot) return;
    execFileSync("mknod", [join(workspace, "zero"), "c", "1", "5"]);
    fs.linkSync(join(other, "secret"), join(workspace, "hardlink"));
  });
  after(() => playground.remove());

  const call = (name: string, input: unknown) =>
    runTool(
      name,
      input,
      { sandbox, profile, signal: new AbortController().signal, onOutput: () => undefined, log: () => undefined },
      ToolPolicy.parse({}),
    );
  const unharmed = () => {
    assert.deepEqual(fs.readdirSync(other), ["secret"]);
    assert.equal(fs.readFileSync(join(other, "secret"), "utf8"), SECRET);
  };

  const relink = (name: string) => {
    fs.rmSync(join(workspace, name), { force: true });
    fs.symlinkSync(LINKS[name]?.replace("OTHER", other) ?? "", join(workspace, name));
  };

  it("has 300 cases and more", () => assert.ok(PATH_CASES.length >= 300, String(PATH_CASES.length)));

  for (const [what, path, outcome] of PATH_CASES) {
    it(`${outcome}: ${what}`, async () => {
      const code = outcome === "INSIDE" ? MISSING : outcome;
      const read = await call("read_file", { path });
      assert.deepEqual([read.error?.code, read.output], [code, null]);
      assert.ok((read.error?.remedy.length ?? 0) > 10 && (read.error?.message.length ?? 0) < 1_000);
      assert.equal((await call("list_directory", { path })).error?.code, code);
      if (outcome === "INSIDE") await makesThatVeryFile(path);
      else await refusesToWrite(path, outcome);
      unharmed();
    });
  }

  async function makesThatVeryFile(path: string): Promise<void> {
    assert.equal((await call("write_file", { path, content: "own" })).error, null);
    const { output } = await call("read_file", { path });
    assert.equal((output as { content: string }).content, "own");
    const [first = "", ...below] = path.split("/").filter((part) => part !== "" && part !== ".");
    assert.ok(fs.readdirSync(workspace).includes(first), "under its own name, at the workspace's root");
    if (below.length < 100) assert.equal(fs.readFileSync(join(workspace, first, ...below), "utf8"), "own");
    fs.rmSync(join(workspace, first), { recursive: true });
  }

  async function refusesToWrite(path: string, outcome: PathOutcome): Promise<void> {
    const written = await call("write_file", { path, content: "x" });
    // A link of that name is itself replaced: what it points to is not touched.
    const replaces = outcome === SYMLINK && path in LINKS;
    assert.equal(written.error?.code, replaces ? undefined : outcome);
    if (replaces) relink(path);
    assert.equal((await call("create_directory", { path: `${path}/new` })).error?.code, codeBelow(path, outcome));
  }

  /** `path` with a name added is another path: no longer empty, and relative where it was only a slash. */
  const codeBelow = (path: string, outcome: PathOutcome) => (path === "" ? "INVALID_TOOL_INPUT" : outcome);

  for (const [what, path, code] of NO_FILES) {
    it(`reads ${what} in no way, and does not wait for it`, async () => {
      assert.equal((await call("read_file", { path })).error?.code, code);
    });
  }

  it("starts no command outside, by text or by link", async () => {
    for (const cwd of ["..", "dir/../..", "out", "up", "root", "dir/up", "dangling"]) {
      const { error } = await call("execute_command", { argv: ["ls"], cwd });
      assert.ok([OUTSIDE, MISSING].includes(error?.code ?? ""), `${cwd}: ${error?.code ?? "ran"}`);
    }
    unharmed();
  });

  it("follows no link that an archive has brought", async () => {
    const script = `mkdir pack && cd pack && ln -s ${other} evil && tar cf ../a.tar evil && rm evil && mkdir evil &&
      echo changed >evil/secret && tar rf ../a.tar evil/secret && cd .. && mkdir unpacked && cd unpacked && tar xf ../a.tar`;
    await sh(sandbox, profile, script);
    unharmed();
    const { error } = await call("read_file", { path: "unpacked/evil/secret" });
    assert.ok(error === null || error.code === SYMLINK); // tar may have put a directory in the link's place
  });

  it("control: a tool that joins paths as text would read it, by many of these", () => {
    const led = PATH_CASES.filter(([, path]) => {
      try {
        return fs.readFileSync(join(workspace, path), "utf8") === SECRET;
      } catch {
        return false;
      }
    });
    assert.ok(led.length >= 20, `${led.length}`);
    for (const [what, , outcome] of led) assert.notEqual(outcome, "INSIDE", what);
  });
});
