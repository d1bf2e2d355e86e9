import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { FileBlobs } from "../../src/backend/blobs/file-blobs.ts";
import { breakLocks, findHolders, isLocked, lockStack } from "../../src/backend/lock.ts";

const noWarning = (message: string): void => assert.fail(message);

describe("the lock of a stack", () => {
  let folder: string;
  let blobs: FileBlobs;
  beforeEach(async () => {
    const root = await mkdtemp(join(tmpdir(), "lock-"));
    blobs = new FileBlobs(root);
    folder = join(root, "locks");
    await mkdir(folder);
  });
  afterEach(() => rm(join(folder, ".."), { recursive: true }));

  const held = (fields: object): Promise<void> =>
    writeFile(
      join(folder, "held.json"),
      JSON.stringify({ pid: process.pid, username: "ada", hostname: hostname(), timestamp: new Date(), ...fields }),
    );

  it("says who holds it, as Pulumi's does", async () => {
    const lock = await lockStack(blobs, "locks", noWarning);
    const [name = ""] = await readdir(folder);
    const content = JSON.parse(await readFile(join(folder, name), "utf8")) as Record<string, unknown>;
    assert.equal(content["pid"], process.pid);
    assert.equal(content["hostname"], hostname());
    assert.ok(Date.parse(String(content["timestamp"])) > 0);
    await lock.release();
    assert.equal(await isLocked(blobs, "locks"), false);
  });

  it("is refused while it is held, naming the holder", async () => {
    await held({});
    await assert.rejects(lockStack(blobs, "locks", noWarning), {
      code: "STACK_LOCKED",
      message: new RegExp(`created by ada@${hostname()} \\(pid ${process.pid}\\)`),
    });
    assert.deepEqual(await readdir(folder), ["held.json"], "no lock of one's own is left");
  });

  it("goes to one at most of those that ask at once", async () => {
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => lockStack(blobs, "locks", noWarning)));
    assert.ok(asked.filter(({ status }) => status === "fulfilled").length <= 1);
  });

  it("is broken, with a warning, when its process is gone", async () => {
    await held({ pid: await endedProcess() });
    const warnings: string[] = [];
    const lock = await lockStack(blobs, "locks", (message) => warnings.push(message));
    assert.match(warnings.join(), /the process that held the stack's lock is gone/);
    await lock.release();
  });

  it(
    "is broken when the number belongs to a later process by now",
    { skip: process.platform !== "linux" },
    async () => {
      await held({ timestamp: new Date(0) });
      const lock = await lockStack(blobs, "locks", () => undefined);
      await lock.release();
    },
  );

  it("is broken when only the remains of its process are left", { skip: process.platform !== "linux" }, async () => {
    // `exec` leaves the child, which ends with its input, to a program that never asks for its end
    const script = "exec 3<&0; sh -c 'read line <&3' & echo $!; exec sleep 60 <&-";
    const parent = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "ignore"] });
    try {
      const [line] = (await once(parent.stdout, "data")) as [Buffer];
      const pid = Number(line.toString());
      // Before that it is a shell, which does ask.
      while ((await readFile(`/proc/${parent.pid ?? 0}/comm`, "utf8")) !== "sleep\n") await setImmediate();
      parent.stdin.end();
      while (!(await readFile(`/proc/${pid}/stat`, "utf8")).includes(") Z ")) await setImmediate();
      await held({ pid });
      await (await lockStack(blobs, "locks", () => undefined)).release();
    } finally {
      parent.kill("SIGKILL");
    }
  });

  it("tells who holds it, and of each that it removed", async () => {
    await held({});
    const other = { pid: await endedProcess(), hostname: hostname(), timestamp: new Date() };
    await writeFile(join(folder, "gone.json"), JSON.stringify(other));
    const removed: string[] = [];
    const holders = await findHolders(blobs, "locks", ({ key }) => removed.push(key));
    assert.deepEqual(
      holders.map(({ key, lock }) => [key, lock?.pid]),
      [["locks/held.json", process.pid]],
    );
    assert.deepEqual(removed, ["locks/gone.json"]);
    assert.deepEqual(await readdir(folder), ["held.json"]);
  });

  it("is left alone when nothing proves that its process is gone", async () => {
    await held({ hostname: "another-host", pid: await endedProcess() });
    await assert.rejects(lockStack(blobs, "locks", noWarning), { code: "STACK_LOCKED" });
    const [boot] = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).split("\n");
    await held({ pid: await endedProcess(), processTable: `${boot ?? ""}/pid:[1]` });
    await assert.rejects(lockStack(blobs, "locks", noWarning), { code: "STACK_LOCKED" });
    await writeFile(join(folder, "held.json"), "half a lo");
    await assert.rejects(lockStack(blobs, "locks", noWarning), { code: "STACK_LOCKED", message: /unreadable/ });
  });

  it("goes away for who says so", async () => {
    await held({});
    assert.equal(await breakLocks(blobs, "locks"), 1);
    await (await lockStack(blobs, "locks", noWarning)).release();
  });
});

/** The number of a process that was. */
function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => resolve(child.pid ?? 0));
  });
}
