import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { WorkspaceProcesses } from "../../../../services/workspace/usage/workspace-processes.ts";

const MB = 1_000_000;
const lacks = (program: string) =>
  spawnSync(program, ["--version"]).status === 0 ? false : `needs the Debian package ${program}`;

describe("WorkspaceProcesses", { skip: process.platform === "linux" ? false : "needs Linux" }, () => {
  let root: string;
  let dir: string;
  let started: ChildProcess[];
  // Made anew for each look: even a fresh one trusts the list of processes for a tenth of a second.
  const look = () => new WorkspaceProcesses();
  const held = () => look().heldBytes(dir, { fresh: true });

  beforeEach(() => {
    root = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "processes-")));
    dir = join(root, "one");
    fs.mkdirSync(dir);
    fs.mkdirSync(join(root, "other"));
    started = [];
  });
  afterEach(() => {
    for (const leader of started) stop(leader);
    fs.rmSync(root, { recursive: true });
  });

  function stop({ pid }: ChildProcess): void {
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL"); // its whole group
    } catch {
      // it has ended
    }
  }
  /** Resolves when the program has said a line. */
  async function start(command: readonly [string, ...string[]], cwd = dir): Promise<ChildProcess> {
    const [program, ...args] = command;
    const env = { PATH: "/usr/bin:/bin" };
    const leader = spawn(program, args, { cwd, detached: true, stdio: ["ignore", "pipe", "inherit"], env });
    started.push(leader);
    await once(leader.stdout, "data");
    return leader;
  }
  const assertAbout = (bytes: number, megabytes: number) =>
    assert.ok(Math.abs(bytes - megabytes * MB) < 0.1 * MB, `${bytes} of ${megabytes} MB`);

  const HOLD = "exec 3>x && rm x && head -c 5000000 /dev/zero >&3 && echo held";

  it("counts a removed file once, however many processes hold it, until they have ended", async () => {
    const named = "exec 4>named && head -c 9000000 /dev/zero >&4";
    const leader = await start(["sh", "-c", `${named}; ${HOLD}; sleep 300 & exec sleep 300`]);
    assertAbout(await held(), 5);
    await start(["sh", "-c", HOLD.replace("5000000", "2000000") + " && exec sleep 300"], join(root, "other"));
    assertAbout(await held(), 5);
    assertAbout(await look().heldBytes(join(root, "other"), { fresh: true }), 2);
    stop(leader);
    await once(leader, "close"); // every process of the group had its output
    assert.equal(await held(), 0);
  });

  it(
    "counts a file that is mapped and closed",
    { skip: process.getuid?.() === 0 ? lacks("python3") : "needs root" },
    async () => {
      const script = `
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
with open("x", "w+b") as file:
    file.write(b"x" * 5_000_000)
    file.flush()
    assert libc.mmap(None, 5_000_000, 3, 1, file.fileno(), 0) != ctypes.c_void_p(-1).value # read and write, shared
os.unlink("x")
print("mapped", flush=True)
time.sleep(300)`;
      await start(["python3", "-c", script]);
      assertAbout(await held(), 5);
    },
  );

  it("knows a sandbox by the folder that it sees", { skip: lacks("bwrap") }, async () => {
    const view = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib"];
    const more = ["--symlink", "usr/lib64", "/lib64", "--dev", "/dev", "--bind", dir, "/workspace"];
    const run = ["--die-with-parent", "--chdir", "/workspace", "sh", "-c", `${HOLD} && exec sleep 300`];
    await start(["bwrap", ...view, ...more, ...run]);
    assertAbout(await held(), 5);
    assert.equal(await look().heldBytes(join(root, "other"), { fresh: true }), 0);
    if (fs.existsSync("/proc/self/io")) assert.ok((await look().writtenBytes(dir)) >= 4.9 * MB);
    assert.equal(await look().writtenBytes(join(root, "other")), 0);
  });

  it("is 0 for a folder that is not there", async () => {
    assert.equal(await look().heldBytes(join(root, "none"), { fresh: true }), 0);
    assert.equal(await look().writtenBytes(join(root, "none")), 0);
  });
});
