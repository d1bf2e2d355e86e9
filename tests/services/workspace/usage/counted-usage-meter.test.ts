import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import { admitByQuota } from "../../../../services/workspace/usage/admit-by-quota.ts";
import { CountedUsageMeter } from "../../../../services/workspace/usage/counted-usage-meter.ts";

const folders: string[] = [];
let rootDir: string;
let workspaceId: string;
let meter: CountedUsageMeter;
const below = (...path: string[]) => join(rootDir, workspaceId, ...path);

beforeEach(async () => {
  rootDir = await mkdtemp(join(tmpdir(), "usage-"));
  folders.push(rootDir);
  workspaceId = randomUUID();
  await mkdir(below("artifacts"), { recursive: true });
  meter = new CountedUsageMeter({ rootDir, logger: pino({ level: "silent" }) });
});
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

describe("CountedUsageMeter", () => {
  it("counts what is on the disk: a hard link once, a link's target not at all, a hole as nothing", async () => {
    const empty = (await meter.measure(workspaceId)).usedBytes;
    await writeFile(below("file"), Buffer.alloc(1_000_000, 1));
    await link(below("file"), below("again"));
    await symlink("/usr", below("usr"));
    execFileSync("truncate", ["-s", "1G", below("hole")]);
    const { usedBytes } = await meter.measure(workspaceId);
    const added = usedBytes - empty;
    assert.ok(added >= 1_000_000 && added < 1_100_000, `${added} bytes`);
  });

  it("counts 4 KiB at least of each entry: an empty file takes an inode", async () => {
    const before = await meter.measure(workspaceId);
    for (let made = 0; made < 100; made++) await writeFile(below(`${made}`), "");
    await symlink("nowhere", below("link"));
    await mkdir(below("folder"));
    for (const after of [await meter.look(workspaceId), await meter.measure(workspaceId)]) {
      const added = after.usedBytes - before.usedBytes;
      assert.ok(added >= 102 * 4_096, `${added} bytes`);
      assert.equal((after.usedEntries ?? 0) - (before.usedEntries ?? 0), 102);
    }
  });

  it("tells what it knows without looking, also after a restart, until it is told to look", async () => {
    const { usedBytes } = await meter.read(workspaceId);
    await writeFile(below("file"), Buffer.alloc(1_000_000, 1));
    assert.equal((await meter.read(workspaceId)).usedBytes, usedBytes);
    meter.refreshInBackground(workspaceId);
    await meter.close();
    const restarted = new CountedUsageMeter({ rootDir, logger: pino({ level: "silent" }) });
    const after = (await restarted.read(workspaceId)).usedBytes;
    assert.ok(after === usedBytes || after > 1_000_000);
    assert.ok((await restarted.measure(workspaceId)).usedBytes > 1_000_000);
    assert.ok((await restarted.read(workspaceId)).usedBytes > 1_000_000);
  });

  it("is 0 for a workspace that has no files yet", async () => {
    assert.equal((await meter.read(randomUUID())).usedBytes, 0);
  });
});

describe("admitByQuota", () => {
  it("lets in, warns from 80 % on, refuses what is full, and looks again before it refuses", async () => {
    await writeFile(below("file"), Buffer.alloc(900_000, 1));
    const { usedBytes } = await meter.measure(workspaceId);
    assert.equal(await admitByQuota(meter, workspaceId, usedBytes * 2), undefined);
    const warning = await admitByQuota(meter, workspaceId, usedBytes + 1);
    assert.equal(warning?.type === "warning" && warning.code, "WORKSPACE_QUOTA_NEARLY_USED");
    await assert.rejects(admitByQuota(meter, workspaceId, usedBytes), {
      code: "WORKSPACE_QUOTA_EXCEEDED",
      status: 507,
    });
    await rm(below("file"));
    assert.equal(await admitByQuota(meter, workspaceId, usedBytes), undefined);
  });
});
