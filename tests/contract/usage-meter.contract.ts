import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import type { QuotaKind } from "../../contracts/workspace-quota.ts";
import { QuotaGuard } from "../../services/worker/quota-guard.ts";
import { InMemoryRepositoryLocks } from "../../services/workspace/repository-locks.ts";
import type { UsageMeter } from "../../services/workspace/usage/usage-meter.ts";
import { SafeFs } from "../../services/workspace/safe-fs.ts";
import { WorkspaceVolume } from "../../services/workspace/workspace-volume.ts";

const MIB = 1024 ** 2;
const QUOTA = 40 * MIB;
/** The users of the workspaces; also their projects. */
const FIRST_UID = 210_001;
const log = pino({ level: "silent" });

/** A volume of its own, with the kind of accounting that is tested. */
export interface UsagePlace {
  readonly rootDir: string;
  /** Another meter over the same files, as after a restart. */
  open(): Promise<UsageMeter>;
  /** The file system sets room aside for files that grow, and counts it: they take more than they hold. */
  readonly setsRoomAside?: boolean;
  /** What somebody else does before a workspace can be prepared. @default nothing */
  provide?(workspaceId: string, bytes: number): void;
  remove(): void;
}

/** What every kind of UsageMeter promises, on a real file system. `create` is called once. */
export function describeUsageMeter(name: string, kind: QuotaKind, create: () => UsagePlace): void {
  describe(`${name} as a UsageMeter`, () => {
    const hard = kind !== "count";
    const settable = kind === "btrfs" || kind === "project";
    let place: UsagePlace;
    let meter: UsageMeter;
    let uid = FIRST_UID;

    before(async () => {
      place = create();
      meter = await place.open();
    });
    after(async () => {
      await meter.close();
      place.remove();
    });

    const mountOfPlace = () => fs.realpathSync(join(place.rootDir, ".."));
    const path = (workspaceId: string, ...parts: string[]) => join(place.rootDir, workspaceId, ...parts);
    async function workspace(quotaBytes = QUOTA) {
      const made = { workspaceId: randomUUID(), uid: uid++, quotaBytes };
      place.provide?.(made.workspaceId, quotaBytes);
      await meter.prepare(made, { inUse: false });
      fs.chownSync(path(made.workspaceId), made.uid, made.uid);
      return { ...made, empty: (await meter.measure(made.workspaceId)).usedBytes };
    }
    type Made = Awaited<ReturnType<typeof workspace>>;
    /** Writes as the workspace's user does, with no right to pass limits. */
    const fill = ({ workspaceId, uid: user }: Made, file: string, mib: number) =>
      spawnSync("dd", ["if=/dev/zero", `of=${file}`, "bs=1M", `count=${mib}`], {
        cwd: path(workspaceId),
        uid: user,
        gid: user,
        encoding: "utf8",
        env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
      });
    const assertHolds = async ({ workspaceId, empty }: Made, mib: number, what: string) => {
      const used = (await meter.measure(workspaceId)).usedBytes - empty;
      assert.ok(Math.abs(used - mib * MIB) <= Math.max(mib * MIB * 0.03, 0.3 * MIB), `${what}: ${used} of ${mib} MiB`);
    };

    it("says what it is", () => {
      assert.equal(meter.status.kind, kind);
      assert.equal(meter.status.hardLimit, hard);
      assert.ok(meter.status.reason.length > 0);
    });

    it("is right after writes, growth, removals, renames, second names, holes and links", async () => {
      const made = await workspace();
      const { workspaceId } = made;
      assert.equal(fill(made, "a", 6).status, 0);
      await assertHolds(made, 6, "written");
      const grow = "head -c 2097152 /dev/zero >>a";
      // What was set aside for its growth is given back when the file is cut to what it holds.
      const giveBack = place.setsRoomAside === true ? "; truncate -s 8388609 a; truncate -s 8388608 a" : "";
      execFileSync("sh", ["-c", grow + giveBack], { cwd: path(workspaceId) });
      await assertHolds(made, 8, "grown in place");
      fs.linkSync(path(workspaceId, "a"), path(workspaceId, "b"));
      await assertHolds(made, 8, "a second name");
      fs.mkdirSync(path(workspaceId, "dir"));
      fs.renameSync(path(workspaceId, "a"), path(workspaceId, "dir", "a"));
      await assertHolds(made, 8, "renamed");
      fs.writeFileSync(path(workspaceId, "hole"), "");
      fs.truncateSync(path(workspaceId, "hole"), 1024 * MIB);
      fs.symlinkSync("/usr", path(workspaceId, "usr"));
      await assertHolds(made, 8, "a hole and a link");
      fs.rmSync(path(workspaceId, "b"));
      await assertHolds(made, 8, "one name less");
      fs.rmSync(path(workspaceId, "dir"), { recursive: true });
      await assertHolds(made, 0, "removed");
    });

    it("notices what commands write when it looks, without a measurement", async () => {
      const made = await workspace();
      await meter.look(made.workspaceId);
      fs.mkdirSync(path(made.workspaceId, "d/e/f"), { recursive: true });
      fs.writeFileSync(path(made.workspaceId, "d/e/f/x"), Buffer.alloc(5 * MIB, 1));
      const { usedBytes } = await meter.look(made.workspaceId);
      assert.ok(usedBytes - made.empty >= 4.9 * MIB, `${usedBytes}`);
    });

    it(
      "refuses writes over the limit while a command runs, and the neighbour does not notice",
      { skip: !hard },
      async () => {
        const [full, other] = [await workspace(), await workspace()];
        const { status, stderr } = fill(full, "big", 100);
        assert.equal(status, 1);
        assert.match(stderr, /Disk quota exceeded|No space left on device/);
        const { usedBytes } = await meter.measure(full.workspaceId);
        assert.ok(usedBytes >= QUOTA, `it is seen to be over its quota: ${usedBytes}`);
        assert.ok(usedBytes <= QUOTA * 1.25, `and not by much: ${usedBytes}`);
        assert.equal(fill(other, "some", 20).status, 0);
        await assertHolds(other, 20, "the neighbour");
        fs.rmSync(path(full.workspaceId, "big")); // by the service
        await assertHolds(full, 0, "cleaned up");
      },
    );

    it("has a limit of inodes, which empty files take", { skip: kind !== "project" }, async () => {
      const made = await workspace();
      // A limit above what the volume has does not show in its own `statfs`.
      const report = execFileSync("repquota", ["--project", "--no-names", "--output=csv", mountOfPlace()], {
        encoding: "utf8",
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
      });
      const columns =
        report
          .split("\n")
          .find((line) => line.startsWith(`#${made.uid},`))
          ?.split(",") ?? [];
      const [head = ""] = report.split("\n");
      assert.equal(columns[head.split(",").indexOf("FileHardLimit")], "100000");
    });

    it("has tools told the reason, not a number", { skip: !settable || name.includes("ext4") }, async () => {
      // On ext4 the service, as root, may pass a limit; the guard stops the task then.
      const made = await workspace();
      fill(made, "big", 100);
      const files = new SafeFs(path(made.workspaceId));
      const refusal = name.includes("XFS") ? "ENOSPC" : "WORKSPACE_QUOTA_EXCEEDED";
      await assert.rejects(files.replaceFile("more", Buffer.alloc(8 * MIB, 1)), { code: refusal });
      assert.deepEqual(fs.readdirSync(path(made.workspaceId)), ["big"]);
    });

    it("follows a change of the plan", { skip: !settable }, async () => {
      const made = await workspace();
      await meter.changeQuota({ ...made, quotaBytes: 2 * QUOTA });
      assert.equal(fill(made, "a", 60).status, 0);
      await meter.changeQuota(made);
      assert.equal(fill(made, "b", 10).status, 1);
      await assertHolds(made, 60, "over its new quota");
      await meter.changeQuota({ workspaceId: randomUUID(), uid: 1, quotaBytes: QUOTA }); // never prepared: nothing to do
    });

    it("knows and limits the same after a restart", async () => {
      const made = await workspace();
      assert.equal(fill(made, "a", 10).status, 0);
      await meter.measure(made.workspaceId);
      const restarted = await place.open();
      try {
        const { usedBytes } = await restarted.read(made.workspaceId);
        assert.ok(Math.abs(usedBytes - made.empty - 10 * MIB) < MIB, `${usedBytes}`);
        await restarted.prepare(made, { inUse: true });
        assert.equal(fs.statSync(path(made.workspaceId, "a")).size, 10 * MIB);
        if (hard) assert.equal(fill(made, "b", 100).status, 1);
      } finally {
        await restarted.close();
      }
    });

    it("warns each task once at 80 %, and stops it over the quota", async () => {
      const made = await workspace();
      const { workspaceId } = made;
      const guard = new QuotaGuard({ usage: meter, volumeDir: place.rootDir, reserveBytes: () => 0, log });
      let warned = 0;
      const told = Promise.withResolvers<undefined>();
      const onNearlyUsed = () => {
        warned += 1;
        told.resolve(undefined);
      };
      const task = guard.watch({ workspaceId, quotaBytes: QUOTA, onNearlyUsed });
      assert.equal(fill(made, "a", 34).status, 0);
      await told.promise;
      assert.equal(task.signal.aborted, false);
      fill(made, "b", 100);
      await task.refused("quota");
      assert.equal((task.signal.reason as { code?: string }).code, "WORKSPACE_QUOTA_EXCEEDED");
      assert.equal(warned, 1);
      task.stop();
      await assert.rejects(guard.admit(workspaceId, QUOTA), { code: "WORKSPACE_QUOTA_EXCEEDED" });
      fs.rmSync(path(workspaceId, "b"));
      const warning = await guard.admit(workspaceId, QUOTA);
      assert.equal(warning?.type === "warning" && warning.code, "WORKSPACE_QUOTA_NEARLY_USED");
    });

    it("lets a task's folder go at once, wherever its files may be moved to", async () => {
      const made = await workspace();
      const volume = new WorkspaceVolume({
        rootDir: place.rootDir,
        meter,
        locks: new InMemoryRepositoryLocks(),
        logger: log,
      });
      await volume.prepareRoot();
      const tier = { workspaceId: made.workspaceId, planTier: "pro", createdAt: new Date().toISOString() } as const;
      await volume.prepare(tier, made);
      const folder = await volume.openTask(made.workspaceId, randomUUID(), made.uid);
      fs.mkdirSync(path(made.workspaceId, folder.scratchDir, "deep/er"), { recursive: true });
      fs.writeFileSync(path(made.workspaceId, folder.scratchDir, "deep/er/file"), Buffer.alloc(MIB, 1));
      await folder.close();
      assert.deepEqual(fs.readdirSync(path(made.workspaceId, "tasks")), []);
      await volume.close();
      assert.deepEqual(
        fs.readdirSync(path(made.workspaceId)).filter((entry) => entry.startsWith(".automatos-")),
        [],
      );
    });

    describe("with a plain folder from before", { skip: !settable }, () => {
      async function plain() {
        const made = { workspaceId: randomUUID(), uid: uid++, quotaBytes: QUOTA };
        fs.mkdirSync(path(made.workspaceId, "repos/r"), { recursive: true, mode: 0o700 });
        fs.writeFileSync(path(made.workspaceId, "repos/r/file"), Buffer.alloc(3 * MIB, 1), { mode: 0o640 });
        fs.linkSync(path(made.workspaceId, "repos/r/file"), path(made.workspaceId, "again"));
        fs.symlinkSync("/etc/passwd", path(made.workspaceId, "link"));
        execFileSync("mkfifo", [path(made.workspaceId, "fifo")]);
        execFileSync("chown", ["-hR", `${made.uid}:${made.uid}`, path(made.workspaceId)]);
        return made;
      }
      function assertWhole({ workspaceId, uid: user }: { readonly workspaceId: string; readonly uid: number }) {
        const file = fs.statSync(path(workspaceId, "repos/r/file"));
        assert.deepEqual([file.size, file.uid, file.mode & 0o777, file.nlink], [3 * MIB, user, 0o640, 2]);
        assert.equal(fs.statSync(path(workspaceId, "again")).ino, file.ino);
        assert.equal(fs.readlinkSync(path(workspaceId, "link")), "/etc/passwd");
        assert.ok(fs.statSync(path(workspaceId, "fifo")).isFIFO());
        assert.equal(fs.statSync(path(workspaceId)).uid, user);
      }
      const filled = (made: Awaited<ReturnType<typeof plain>>) => fill({ ...made, empty: 0 }, "more", 100).status;

      it("carries it over when nobody works in it, and counts it until then", async () => {
        const made = await plain();
        await meter.prepare(made, { inUse: true });
        assertWhole(made);
        const counted = (await meter.measure(made.workspaceId)).usedBytes;
        assert.ok(counted >= 3 * MIB && counted < 3.2 * MIB, `${counted}`);
        await meter.prepare(made, { inUse: false });
        assertWhole(made);
        const booked = (await meter.measure(made.workspaceId)).usedBytes;
        assert.ok(booked >= 3 * MIB && booked < 3.4 * MIB, `${booked}`);
        assert.equal(filled(made), 1);
      });

      const service = (workspaceId: string, ...parts: string[]) =>
        join(place.rootDir, ".automatos", workspaceId, ...parts);
      const record = (workspaceId: string) => service(workspaceId, "carried-over.json");

      it("begins again when a crash has left half a copy", async () => {
        const made = await plain();
        fs.mkdirSync(service(made.workspaceId, "new-folder/repos"), { recursive: true });
        await meter.prepare(made, { inUse: false });
        assertWhole(made);
        assert.ok(!fs.existsSync(service(made.workspaceId, "new-folder")));
      });

      it("goes on when a crash came between the old folder's going and the new one's coming", async () => {
        const made = await plain();
        await meter.prepare(made, { inUse: false });
        fs.renameSync(path(made.workspaceId), service(made.workspaceId, "new-folder"));
        fs.writeFileSync(record(made.workspaceId), JSON.stringify({ whole: true }));
        await meter.prepare(made, { inUse: false });
        assertWhole(made);
        assert.ok(!fs.existsSync(record(made.workspaceId)));
      });

      it("believes no copy once tasks have gone on in the old folder", async () => {
        const made = await plain();
        fs.mkdirSync(service(made.workspaceId), { recursive: true });
        fs.writeFileSync(record(made.workspaceId), JSON.stringify({ whole: true }));
        await meter.prepare(made, { inUse: true });
        assert.ok(!fs.existsSync(record(made.workspaceId)));
        await meter.prepare(made, { inUse: false });
        assertWhole(made);
      });
    });
  });
}
