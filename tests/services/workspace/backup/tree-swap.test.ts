import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { finishSwap, STAGED, swapTree } from "../../../../services/workspace/backup/tree-swap.ts";
import { InMemoryRepositoryLocks } from "../../../../services/workspace/repository-locks.ts";
import { ServiceRecords } from "../../../../services/workspace/service-records.ts";

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

  it("puts the new tree in place, and leaves nothing to finish", async () => {
    assert.equal(await swapTree(place(), swap, async () => true), true);
    assert.equal(await content(), "new");
    assert.equal(await finishSwap(place()), undefined);
  });

  it("does nothing for a worker that has lost the run", async () => {
    assert.equal(await swapTree(place(), swap, async () => false), false);
    assert.equal(await content(), "old");
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
      assert.deepEqual(await finishSwap(place()), swap);
      assert.equal(await content(), "new");
      assert.equal(await finishSwap(place()), undefined);
    });
  }
});
