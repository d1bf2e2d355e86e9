import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ToolPolicy } from "../../../contracts/tools.ts";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../services/sandbox/sandbox.ts";
import { runTool } from "../../../services/sandbox/tools/registry.ts";
import { isRoot, Playground, sh } from "./support.ts";

const SECRET = "content-of-somebody-else";
const INVALID = "INVALID_TOOL_INPUT";
const OUTSIDE = "PATH_OUTSIDE_WORKSPACE";
const SYMLINK = "PATH_IS_SYMLINK";
const MISSING = "FILE_NOT_FOUND";

/** A path, and what every tool that takes one must answer. */
const PATHS: readonly (readonly [what: string, path: string, code: string])[] = [
  ["the parent", "..", OUTSIDE],
  ["a file beside the workspace", "../other/secret", OUTSIDE],
  ["the parent after a detour", "dir/../../other/secret", OUTSIDE],
  ["the parent after a detour that is not there", "none/../../other/secret", OUTSIDE],
  ["many parents", "../".repeat(50) + "etc/passwd", OUTSIDE],
  ["the parent with doubled slashes", "dir//..//..//other/secret", OUTSIDE],
  ["the parent between dots", "./.././other/secret", OUTSIDE],
  ["an absolute path", "/etc/passwd", INVALID],
  ["an absolute path with doubled slash", "//etc/passwd", INVALID],
  ["a NUL byte", "dir/file\0.txt", INVALID],
  ["a NUL byte before a parent", "\0/../../other/secret", INVALID],
  ["nothing", "", INVALID],
  ["more than the schema takes", "a/".repeat(3_000), INVALID],
  ["a part that is too long", `${"n".repeat(300)}/x`, "PATH_TOO_LONG"],
  ["backslashes", "..\\..\\other\\secret", MISSING],
  ["percent signs", "%2e%2e/%2e%2e/other/secret", MISSING],
  ["full-width dots", "．．/other/secret", MISSING],
  ["a dot-like character", "‥/other/secret", MISSING],
  ["a direction override", "\u202e../other/secret", MISSING],
  ["a tilde", "~/secret", MISSING],
  ["a variable", "$HOME/secret", MISSING],
  ["a command", "$(cat /etc/passwd)", MISSING],
  ["a file URL", "file:///etc/passwd", MISSING],
  ["a proc path", "proc/self/root/etc/passwd", MISSING],
  ["an absolute symbolic link", "absolute", SYMLINK],
  ["through an absolute symbolic link", "out/secret", SYMLINK],
  ["through a relative symbolic link", "up/other/secret", SYMLINK],
  ["through a symbolic link in a directory", "dir/up/other/secret", SYMLINK],
  ["a symbolic link to /proc/self/root", "root/etc/passwd", SYMLINK],
  ["a symbolic link to /proc/self/fd", "fds/0", SYMLINK],
  ["a symbolic link to itself", "loop", SYMLINK],
  ["through a symbolic link to itself", "loop/x", SYMLINK],
  ["a symbolic link that leads nowhere", "dangling/x", SYMLINK],
  ["a symbolic link out, then back by ..", "out/../out/secret", SYMLINK],
];

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
    const links = {
      absolute: join(other, "secret"),
      out: other,
      up: "..",
      "dir/up": "../..",
      root: "/proc/self/root",
      fds: "/proc/self/fd",
      loop: "loop",
      dangling: "/nowhere",
    };
    for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, join(workspace, name));
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

  for (const [what, path, code] of PATHS) {
    it(`leads no tool out: ${what}`, async () => {
      const read = await call("read_file", { path });
      assert.equal(read.error?.code, code);
      assert.equal(read.output, null);
      // A missing name is what a listing reports too; writing makes it, inside.
      assert.equal((await call("list_directory", { path })).error?.code, code);
      if (code !== MISSING) {
        const written = await call("write_file", { path, content: "x" });
        const replacesTheLinkItself = code === SYMLINK && !path.includes("/");
        assert.equal(written.error?.code, replacesTheLinkItself ? undefined : code);
        if (replacesTheLinkItself) relink(path);
        assert.equal(
          (await call("create_directory", { path: `${path}/new` })).error?.code,
          code === MISSING ? "" : code,
        );
      }
      unharmed();
    });
  }

  const relink = (name: string) => {
    const target = name === "loop" ? "loop" : join(other, "secret");
    fs.unlinkSync(join(workspace, name));
    fs.symlinkSync(target, join(workspace, name));
  };

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

  it("control: a tool that joins paths as text would read it", () => {
    assert.equal(fs.readFileSync(join(workspace, "dir/../../other/secret"), "utf8"), SECRET);
    assert.equal(fs.readFileSync(join(workspace, "out/secret"), "utf8"), SECRET);
  });
});
