import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import type { QuotaSetting } from "../../../../contracts/workspace-quota.ts";
import { createUsageMeter } from "../../../../services/workspace/usage/create-usage-meter.ts";
import { describeUsageMeter, type UsagePlace } from "../../../contract/usage-meter.contract.ts";
import { lacksLoopVolume, type LoopFileSystem, LoopVolume, sweepLoopVolumes } from "../../../support/loop-volume.ts";

const logger = pino({ level: "silent" });
const isRoot = process.getuid?.() === 0;
const open = (rootDir: string, setting: QuotaSetting) => createUsageMeter({ rootDir, setting, logger });

if (isRoot) sweepLoopVolumes();

function onVolume(fileSystem: LoopFileSystem, sizeMib: number, setting: QuotaSetting): () => UsagePlace {
  return () => {
    const volume = new LoopVolume(fileSystem, sizeMib);
    const rootDir = join(volume.mountPoint, "workspaces");
    fs.mkdirSync(rootDir, { mode: 0o711 });
    fs.chmodSync(volume.mountPoint, 0o711);
    return { rootDir, open: () => open(rootDir, setting), remove: () => volume.remove() };
  };
}

/** Folders mounted one by one, as a claim of Kubernetes is. */
function volumeEach(): UsagePlace {
  const rootDir = fs.mkdtempSync(join(tmpdir(), "usage-volumes-"));
  fs.chmodSync(rootDir, 0o711);
  const volumes: LoopVolume[] = [];
  return {
    rootDir,
    open: () => open(rootDir, "volume"),
    // The file system's own records take some of it: a quota is a little less than the volume.
    provide: (workspaceId, bytes) =>
      volumes.push(new LoopVolume("ext4", Math.ceil((bytes / 1024 ** 2) * 1.25), join(rootDir, workspaceId))),
    remove: () => {
      for (const volume of volumes) volume.remove();
      fs.rmSync(rootDir, { recursive: true });
    },
  };
}

/** A row of the table, or a skip that says what is missing. */
function row(name: string, fileSystem: LoopFileSystem, define: () => void): void {
  const lacking = lacksLoopVolume(fileSystem);
  if (lacking === undefined) define();
  else describe(`${name} as a UsageMeter`, { skip: lacking }, () => undefined);
}

row("a btrfs subvolume", "btrfs", () =>
  describeUsageMeter("a btrfs subvolume", "btrfs", onVolume("btrfs", 1_024, "btrfs")),
);
row("a project quota of ext4", "ext4 with project quotas", () =>
  describeUsageMeter("a project quota of ext4", "project", onVolume("ext4 with project quotas", 600, "auto")),
);
row("a project quota of XFS", "xfs with project quotas", () =>
  describeUsageMeter("a project quota of XFS", "project", () => ({
    ...onVolume("xfs with project quotas", 700, "project")(),
    setsRoomAside: true,
  })),
);
row("a volume each", "ext4", () => describeUsageMeter("a volume each", "volume", volumeEach));
if (isRoot) {
  describeUsageMeter("the service's own count", "count", () => {
    const rootDir = fs.mkdtempSync(join(tmpdir(), "usage-count-"));
    fs.chmodSync(rootDir, 0o711);
    return { rootDir, open: () => open(rootDir, "count"), remove: () => fs.rmSync(rootDir, { recursive: true }) };
  });
}

describe("the kind of accounting", () => {
  let rootDir: string;
  before(() => (rootDir = fs.mkdtempSync(join(tmpdir(), "usage-kind-"))));
  after(() => fs.rmSync(rootDir, { recursive: true }));

  it("is the service's own count where the volume can do no better, and says what is lacking", async () => {
    const { status } = await open(rootDir, "auto");
    assert.equal(status.kind, "count");
    assert.equal(status.hardLimit, false);
    if (isRoot) assert.match(status.reason, /is not on btrfs/);
  });

  for (const kind of ["btrfs", "project"] as const) {
    it(`is an error at start when ${kind} is asked for and cannot be had`, async () => {
      await assert.rejects(open(rootDir, kind), { code: "QUOTA_KIND_UNAVAILABLE", status: 503 });
    });
  }

  it("refuses a workspace without a volume where each has one", async () => {
    const meter = await open(rootDir, "volume");
    const workspace = { workspaceId: randomUUID(), uid: 1, quotaBytes: 1 };
    await assert.rejects(meter.prepare(workspace, { inUse: false }), { code: "WORKSPACE_VOLUME_MISSING" });
  });

  const lacking = lacksLoopVolume("btrfs");
  it("turns btrfs' quotas on only when btrfs is asked for by name", { skip: lacking ?? false }, async () => {
    const volume = new LoopVolume("btrfs", 256);
    try {
      const { kind, reason } = (await open(volume.mountPoint, "auto")).status;
      assert.equal(kind, "count");
      assert.match(reason, /quotas are not enabled/);
      assert.equal((await open(volume.mountPoint, "btrfs")).status.kind, "btrfs");
      assert.equal((await open(volume.mountPoint, "auto")).status.kind, "btrfs");
    } finally {
      volume.remove();
    }
  });

  it("is found where every workspace is a mount", { skip: lacksLoopVolume("ext4") ?? false }, async () => {
    const place = volumeEach();
    try {
      place.provide?.(randomUUID(), 32 * 1024 ** 2);
      assert.equal((await open(place.rootDir, "auto")).status.kind, "volume");
    } finally {
      place.remove();
    }
  });

  it("leaves nothing mounted, even after a test that was killed", { skip: lacksLoopVolume("ext4") ?? false }, () => {
    const script =
      `const { LoopVolume } = await import(${JSON.stringify(join(import.meta.dirname, "../../../support/loop-volume.ts"))});` +
      `console.log(new LoopVolume("ext4", 16).mountPoint); process.kill(process.pid, "SIGKILL");`;
    let mountPoint = "";
    try {
      execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      mountPoint = (error as { stdout: string }).stdout.trim();
    }
    assert.ok(fs.existsSync(mountPoint), "it is left");
    sweepLoopVolumes();
    assert.ok(!fs.existsSync(mountPoint));
    assert.ok(!fs.readFileSync("/proc/self/mountinfo", "utf8").includes(mountPoint));
  });
});
