import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { treeBytes } from "../../../../services/workspace/usage/tree-bytes.ts";
import { TreeIndex } from "../../../../services/workspace/usage/tree-index.ts";

/** What a command may do to files, between two counts. */
type Change = (root: string, name: string, other: string, size: number) => void;
const CHANGES: Readonly<Record<string, Change>> = {
  write: (root, name, _other, size) => fs.writeFileSync(join(root, name), Buffer.alloc(size, 1)),
  grow: (root, name, _other, size) => fs.appendFileSync(join(root, name), Buffer.alloc(size, 1)),
  cut: (root, name) => fs.truncateSync(join(root, name), 0),
  remove: (root, name) => fs.rmSync(join(root, name), { recursive: true }),
  link: (root, name, other) => fs.linkSync(join(root, name), join(root, other)),
  rename: (root, name, other) => fs.renameSync(join(root, name), join(root, other)),
  "make a folder": (root, name) => fs.mkdirSync(join(root, `${name}-dir/below`), { recursive: true }),
  "write below": (root, name, other, size) =>
    fs.writeFileSync(join(root, `${name}-dir/below`, other), Buffer.alloc(size, 1)),
  "move a folder": (root, name, other) => fs.renameSync(join(root, `${name}-dir`), join(root, `${other}-dir`)),
  "set its time back": (root, name) => fs.utimesSync(join(root, name), 0, 0),
};

describe("TreeIndex", () => {
  let root: string;
  beforeEach(() => (root = fs.mkdtempSync(join(tmpdir(), "tree-index-"))));
  afterEach(() => fs.rmSync(root, { recursive: true }));

  it("counts as a walk of everything does, whatever changed since it counted last", async () => {
    const name = fc.constantFrom("a", "b", "c", "d");
    const step = fc.record({
      change: fc.constantFrom(...Object.keys(CHANGES)),
      name,
      other: name,
      size: fc.constantFrom(1, 5_000, 100_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 6 }), { maxLength: 8 }), async (rounds) => {
        const dir = fs.mkdtempSync(join(root, "run-"));
        const index = new TreeIndex(dir);
        for (const steps of rounds) {
          for (const { change, name: which, other, size } of steps) {
            try {
              CHANGES[change]?.(dir, which, other, size);
            } catch {
              // not there, or in the way: then nothing has changed
            }
          }
          assert.equal(await index.count(), await treeBytes(dir, "."));
        }
      }),
      { numRuns: 150 },
    );
  });

  /** As it is when the files were written a while ago. */
  async function settled(index: TreeIndex): Promise<void> {
    const now = Date.now();
    const real = Date.now;
    Date.now = () => now + 60_000;
    await index.count({ full: true });
    Date.now = real;
  }

  it("does not read again what has not changed, and finds growth in quiet folders within sixteen counts", async () => {
    for (const folder of ["x", "y"]) {
      fs.mkdirSync(join(root, folder));
      fs.writeFileSync(join(root, folder, "file"), Buffer.alloc(10_000, 1));
    }
    const index = new TreeIndex(root);
    await settled(index);
    const before = await treeBytes(root, ".");
    fs.appendFileSync(join(root, "x/file"), Buffer.alloc(1_000_000, 1)); // changes no folder
    assert.equal(await index.count(), before, "the folder was believed");
    const grown = await treeBytes(root, ".");
    let counted = before;
    for (let round = 0; round < 16 && counted !== grown; round++) counted = await index.count();
    assert.equal(counted, grown);
    fs.appendFileSync(join(root, "y/file"), Buffer.alloc(1_000_000, 1));
    assert.equal(await index.count({ full: true }), await treeBytes(root, "."));
  });

  it("walks folders of any depth, and names that are no UTF-8", async () => {
    let deep = Buffer.from(root);
    for (let level = 0; level < 150; level++) {
      deep = Buffer.concat([deep, Buffer.from([0x2f, 0xff, 0x61])]);
      fs.mkdirSync(deep);
    }
    fs.writeFileSync(Buffer.concat([deep, Buffer.from("/file")]), Buffer.alloc(50_000, 1));
    const index = new TreeIndex(root);
    const all = await treeBytes(root, ".");
    assert.ok(all > 50_000);
    for (let round = 0; round < 3; round++) assert.equal(await index.count(), all);
  });

  it("follows no link, and is 0 where there is nothing", async () => {
    fs.symlinkSync("/usr", join(root, "usr"));
    assert.ok((await new TreeIndex(root).count()) < 10_000);
    assert.equal(await new TreeIndex(join(root, "none")).count(), 0);
  });
});
