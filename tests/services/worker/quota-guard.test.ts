import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import { limitReached, QuotaGuard, type TaskGuard } from "../../../services/worker/quota-guard.ts";
import { CountedUsageMeter } from "../../../services/workspace/usage/counted-usage-meter.ts";

const MB = 1_000_000;
/** Users of workspaces that no other test has. */
const FIRST_UID = 217_301;
const isLinux = process.platform === "linux";
const isRoot = process.getuid?.() === 0;
const log = pino({ level: "silent" });

describe("QuotaGuard", () => {
  const folders: string[] = [];
  let rootDir: string;
  let usage: CountedUsageMeter;
  let freeBytes: number;
  let guard: QuotaGuard;

  beforeEach(async () => {
    rootDir = await mkdtemp(join(tmpdir(), "guard-"));
    folders.push(rootDir);
    usage = new CountedUsageMeter({ rootDir, logger: log });
    freeBytes = 1_000 * MB;
    guard = new QuotaGuard({
      usage,
      volumeDir: rootDir,
      space: async () => ({ totalBytes: 2_000 * MB, freeBytes }),
      reserveBytes: () => 100 * MB,
      log,
    });
  });
  after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

  async function workspace(): Promise<string> {
    const workspaceId = randomUUID();
    await mkdir(join(rootDir, workspaceId));
    await usage.measure(workspaceId);
    return workspaceId;
  }
  const write = (workspaceId: string, name: string, bytes: number) =>
    writeFile(join(rootDir, workspaceId, name), Buffer.alloc(bytes, 1));
  const fired = async ({ signal }: TaskGuard) => {
    if (!signal.aborted) await once(signal, "abort");
    return limitReached(signal)?.code;
  };

  it("warns once of what is nearly full, then stops every task of the workspace, and no other's", async () => {
    const [full, other] = [await workspace(), await workspace()];
    const told = Promise.withResolvers<number>();
    let warnings = 0;
    const onNearlyUsed = (usedBytes: number): void => {
      warnings += 1;
      told.resolve(usedBytes);
    };
    const quotaBytes = 10 * MB;
    const tasks = [1, 2].map(() => guard.watch({ workspaceId: full, quotaBytes, onNearlyUsed }));
    const unconcerned = guard.watch({ workspaceId: other, quotaBytes, onNearlyUsed });
    await write(full, "a", 9 * MB);
    assert.ok((await told.promise) >= 9 * MB);
    await write(full, "b", 9 * MB);
    assert.deepEqual(await Promise.all(tasks.map(fired)), ["WORKSPACE_QUOTA_EXCEEDED", "WORKSPACE_QUOTA_EXCEEDED"]);
    assert.equal(warnings, 2); // one of each task
    assert.equal(unconcerned.signal.aborted, false);
    for (const task of [...tasks, unconcerned]) task.stop();
  });

  it("stops the workspace that grew most when the volume's reserve is touched, and the others run on", async () => {
    const [greedy, other] = [await workspace(), await workspace()];
    const watch = (workspaceId: string) =>
      guard.watch({ workspaceId, quotaBytes: 1_000 * MB, onNearlyUsed: () => assert.fail() });
    const [stopped, running] = [watch(greedy), watch(other)];
    await write(other, "some", 18 * MB);
    await write(greedy, "much", 40 * MB);
    freeBytes = 99 * MB;
    assert.equal(await fired(stopped), "VOLUME_FULL");
    stopped.stop();
    assert.equal(running.signal.aborted, false);
    freeBytes = 1_000 * MB;
    running.stop();
  });

  /** Starts a program that writes so many bytes to a file of a workspace, removes its name, and holds it. */
  async function hold(workspaceId: string, megabytes: number, uid?: number): Promise<ChildProcess> {
    const script = 'exec 3>held && rm held && head -c "$1" /dev/zero >&3 && echo held && exec sleep 300';
    const holder = spawn("sh", ["-c", script, "sh", String(megabytes * MB)], {
      cwd: join(rootDir, workspaceId),
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: "/usr/bin:/bin" },
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    await once(holder.stdout, "data");
    return holder;
  }

  it("stops who holds removed files over his quota, before the volume is full", { skip: !isLinux }, async () => {
    const [hidden, other] = [await workspace(), await workspace()];
    const watch = (workspaceId: string) =>
      guard.watch({ workspaceId, quotaBytes: 20 * MB, onNearlyUsed: () => undefined });
    const [stopped, running] = [watch(hidden), watch(other)];
    const holder = await hold(hidden, 30);
    try {
      assert.equal(await fired(stopped), "WORKSPACE_QUOTA_EXCEEDED");
      assert.equal(running.signal.aborted, false);
    } finally {
      holder.kill("SIGKILL");
      stopped.stop();
      running.stop();
    }
  });

  it("knows by the user who holds removed files when the reserve is touched", { skip: !isRoot }, async () => {
    const [hidden, other] = [await workspace(), await workspace()];
    await chmod(rootDir, 0o711);
    for (const [index, workspaceId] of [hidden, other].entries()) {
      await chown(join(rootDir, workspaceId), FIRST_UID + index, FIRST_UID + index);
    }
    const watch = (workspaceId: string) =>
      guard.watch({ workspaceId, quotaBytes: 1_000 * MB, onNearlyUsed: () => assert.fail() });
    const [stopped, running] = [watch(hidden), watch(other)];
    const holder = await hold(hidden, 40, FIRST_UID);
    await write(other, "some", 18 * MB);
    try {
      freeBytes = 99 * MB;
      assert.equal(await fired(stopped), "VOLUME_FULL");
      assert.equal(running.signal.aborted, false);
    } finally {
      holder.kill("SIGKILL");
      stopped.stop();
      running.stop();
    }
  });

  it("stops who wrote most when what fills the volume is nowhere to be seen", async () => {
    const [writer, reader] = [await workspace(), await workspace()];
    const unseeing = new QuotaGuard({
      usage: {
        status: usage.status,
        read: (workspaceId) => usage.read(workspaceId),
        look: (workspaceId, options) => usage.look(workspaceId, options),
        measure: (workspaceId) => usage.measure(workspaceId),
        writtenBytes: async (workspaceId) => (workspaceId === writer ? 17 * MB : 0),
      },
      volumeDir: rootDir,
      // It loses what no workspace has.
      space: async () => ({ totalBytes: 2_000 * MB, freeBytes: (freeBytes = Math.max(0, freeBytes - 10 * MB)) }),
      reserveBytes: () => 100 * MB,
      log,
    });
    freeBytes = 109 * MB;
    const watch = (workspaceId: string) =>
      unseeing.watch({ workspaceId, quotaBytes: 1_000 * MB, onNearlyUsed: () => assert.fail() });
    const [running, stopped] = [watch(reader), watch(writer)];
    assert.equal(await fired(stopped), "VOLUME_FULL");
    assert.equal(running.signal.aborted, false);
    stopped.stop();
    running.stop();
  });

  it("stops who made most files when the volume has few inodes left, not who wrote most", async () => {
    const [many, large] = [await workspace(), await workspace()];
    let free = 1_000_000;
    const counting = new QuotaGuard({
      usage,
      volumeDir: rootDir,
      space: async () => ({ totalBytes: 2_000 * MB, freeBytes: 2_000 * MB, inodes: { total: 1_000_000, free } }),
      log,
    });
    const watch = (workspaceId: string) =>
      counting.watch({ workspaceId, quotaBytes: 1_000 * MB, onNearlyUsed: () => assert.fail() });
    const [stopped, running] = [watch(many), watch(large)];
    await write(large, "one", 40 * MB);
    for (let made = 0; made < 5_000; made++) writeFileSync(join(rootDir, many, `${made}`), "");
    free = 49_999;
    assert.equal(await fired(stopped), "VOLUME_FULL");
    assert.match((stopped.signal.reason as Error).message, /49999 inodes free, 50000 must stay free/);
    assert.equal(running.signal.aborted, false);
    stopped.stop();
    running.stop();
  });

  it("stops nobody for what something else wrote to the volume", async () => {
    const idle = await workspace();
    const looks = Promise.withResolvers<undefined>();
    let looked = 0;
    const quiet = new QuotaGuard({
      usage,
      volumeDir: rootDir,
      space: async () => {
        looked += 1;
        if (looked === 3) looks.resolve(undefined);
        return { totalBytes: 2_000 * MB, freeBytes: 0 };
      },
      log,
    });
    const task = quiet.watch({ workspaceId: idle, quotaBytes: MB, onNearlyUsed: () => assert.fail() });
    await looks.promise;
    assert.equal(task.signal.aborted, false);
    task.stop();
    task.stop();
  });

  it("tells a limit from the runner's own reasons to stop", () => {
    assert.equal(limitReached(AbortSignal.abort("cancelled")), undefined);
    assert.equal(limitReached(new AbortController().signal), undefined);
  });
});
