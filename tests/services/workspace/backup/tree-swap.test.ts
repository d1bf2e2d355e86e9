import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { finishSwap, finishSwaps, STAGED, swapTree } from "../../../../services/workspace/backup/tree-swap.ts";
import { InMemoryRepositoryLocks } from "../../../../services/workspace/repository-locks.ts";
import { ServiceRecords } from "../../../../services/workspace/service-records.ts";
import { WorkspaceVolume } from "../../../../services/workspace/workspace-volume.ts";
import { silentLog } from "../../../support/database.ts";

const COUNTS = { files: 1, directories: 1, links: 0, others: 0, bytes: 3 };
const comparison = { ...COUNTS, different: 0, missing: 0, extra: 0, changedMeanwhile: 0, examples: [] };

describe("the swap of a restored tree", () => {
  let rootDir: string;
  let workspaceId: string;
  let records: ServiceRecords;
  const swap = { runId: randomUUID(), comparison };
  const place = () => ({ rootDir, workspaceId, locks: new InMemoryRepositoryLocks() });
  const dir = () => path.join(rootDir, workspaceId);
  const staged = () => records.file(workspaceId, STAGED);
  const content = () => readFile(path.join(dir(), "file"), "utf8");

  before(async () => {
    rootDir = await mkdtemp(path.join(tmpdir(), "automatos-swap-"));
    records = new ServiceRecords(rootDir);
  });
  after(() => rm(rootDir, { recursive: true, force: true }));
  beforeEach(async () => {
    workspaceId = randomUUID();
    for (const [folder, text] of [
      [dir(), "old"],
      [staged(), "new"],
    ] as const) {
      await mkdir(folder, { recursive: true });
      await writeFile(path.join(folder, "file"), text);
    }
  });

  it("puts the new tree in place, and tells whoever asks later that it has", async () => {
    assert.equal(await swapTree(place(), swap, async () => true), true);
    assert.equal(await content(), "new");
    for (let count = 0; count < 2; count++) assert.equal((await finishSwap(place()))?.runId, swap.runId);
    await mkdir(staged(), { recursive: true }); // the next restore's, which comes to nothing
    await rm(dir(), { recursive: true });
    assert.equal((await finishSwap(place()))?.runId, swap.runId);
    await assert.rejects(content(), { code: "ENOENT" });
  });

  it("does nothing for a worker that has lost the run", async () => {
    assert.equal(await swapTree(place(), swap, async () => false), false);
    assert.equal(await content(), "old");
  });

  it("has not begun when its first step fails", async () => {
    await rm(dir(), { recursive: true });
    await assert.rejects(
      swapTree(place(), swap, async () => true),
      { code: "ENOENT" },
    );
    assert.equal(await finishSwap(place()), undefined);
  });

  it("ends with a workspace that was removed meanwhile", async () => {
    await records.write(workspaceId, ["restore-swap.json"], swap);
    await rm(dir(), { recursive: true });
    await rm(staged(), { recursive: true });
    assert.equal(await finishSwap(place()), undefined);
    await assert.rejects(content(), { code: "ENOENT" });
  });

  it("leaves the old tree when it was cut off before its first step", async () => {
    await records.write(workspaceId, ["restore-swap.json"], swap);
    assert.equal(await finishSwap(place()), undefined);
    assert.equal(await content(), "old");
  });

  for (const [when, cut] of [
    ["between its steps", async () => rename(dir(), `${dir()}.gone`)],
    ["after its last step", async () => rename(dir(), `${dir()}.gone`).then(() => rename(staged(), dir()))],
  ] as const) {
    it(`is finished when it was cut off ${when}`, async () => {
      await records.write(workspaceId, ["restore-swap.json"], swap);
      await cut();
      assert.equal((await finishSwap(place()))?.runId, swap.runId);
      assert.equal(await content(), "new");
      assert.equal((await finishSwap(place()))?.runId, swap.runId);
    });
  }

  const volume = () => new WorkspaceVolume({ rootDir, locks: new InMemoryRepositoryLocks(), logger: silentLog });
  const owner = { uid: process.getuid?.() ?? 0, quotaBytes: 1_000 };
  for (const [who, finish] of [
    ["the next start of a worker", () => volume().recover(async () => false)],
    [
      "who prepares the workspace's folder",
      () => volume().prepare({ workspaceId, planTier: "pro", createdAt: "2026-01-02T03:04:05.000Z" }, owner),
    ],
  ] as const) {
    it(`is finished by ${who}, without any restic`, async () => {
      await records.write(workspaceId, ["restore-swap.json"], swap);
      await rename(dir(), `${dir()}.gone`);
      await finish();
      assert.equal(await content(), "new");
      assert.equal((await finishSwap(place()))?.runId, swap.runId);
    });
  }

  it("is finished in every other workspace where it fails in one", async () => {
    const failing = randomUUID();
    await records.write(failing, ["restore-swap.json"], swap);
    await mkdir(records.file(failing, STAGED), { recursive: true });
    await records.write(workspaceId, ["restore-swap.json"], swap);
    await rename(dir(), `${dir()}.gone`);
    const locks = new InMemoryRepositoryLocks();
    const failed: string[] = [];
    const acquire: typeof locks.acquire = async (name, options) => {
      if (name.includes(failing)) throw new Error("no lock");
      return locks.acquire(name, options);
    };
    await finishSwaps({ rootDir, locks: { acquire, close: async () => undefined } }, (id) => failed.push(id));
    assert.deepEqual(failed, [failing]);
    assert.equal(await content(), "new");
  });
});
