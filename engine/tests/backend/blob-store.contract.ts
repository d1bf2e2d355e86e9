/** What every store of bytes promises; called with a factory for each implementation. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { BlobStore } from "../../src/backend/blobs/blob-store.ts";

/** @param create Makes a store that holds nothing. */
export function describeBlobStore(name: string, create: () => Promise<BlobStore>): void {
  describe(`${name} as a store of bytes`, () => {
    let blobs: BlobStore;
    before(async () => {
      blobs = await create();
    });

    it("reads what was written, to the byte", async () => {
      for (const text of ["", "one", "two\nlines\n", "Grüße, 世界 👋", "x".repeat(2_000_000)]) {
        await blobs.replace("texts/a", text);
        assert.equal(await blobs.read("texts/a"), text);
      }
      await blobs.replace("texts/a", [Buffer.from("in "), Buffer.from("parts")]);
      assert.equal(await blobs.read("texts/a"), "in parts");
    });

    it("tells what is not there", async () => {
      assert.equal(await blobs.read("nothing/here"), undefined);
      assert.equal(await blobs.exists("nothing/here"), false);
      assert.equal(await blobs.copy("nothing/here", "nothing/there"), false);
      assert.deepEqual(await blobs.list("nothing"), []);
      await blobs.remove("nothing/here");
      await blobs.removeFolder("nothing");
    });

    it("keeps what a key held before under another, when asked to", async () => {
      await blobs.replace("kept/state", "first", { backup: "kept/state.bak" });
      assert.equal(await blobs.exists("kept/state.bak"), false, "there was nothing to keep");
      await blobs.replace("kept/state", "second", { backup: "kept/state.bak", last: false });
      await blobs.replace("kept/state", "third", { backup: "kept/state.bak" });
      assert.equal(await blobs.read("kept/state"), "third");
      assert.equal(await blobs.read("kept/state.bak"), "second");
      assert.deepEqual(await blobs.list("kept"), ["kept/state", "kept/state.bak"], "and nothing else is left");
    });

    it("has nothing left over beside a key but what others wrote", async () => {
      await blobs.replace("left/state", "x", { backup: "left/state.bak" });
      await blobs.replace("left/state", "y", { backup: "left/state.bak" });
      await blobs.removeLeftOvers("left/state");
      await blobs.removeLeftOvers("left/nothing");
      assert.deepEqual(await blobs.list("left"), ["left/state", "left/state.bak"]);
    });

    it("makes a key once, of several at once too", async () => {
      const made = await Promise.all(Array.from({ length: 8 }, (_, n) => blobs.create("once/a", `by ${n}`)));
      assert.equal(made.filter(Boolean).length, 1);
      assert.equal(await blobs.read("once/a"), `by ${made.indexOf(true)}`);
      assert.equal(await blobs.create("once/a", "late"), false);
      await blobs.remove("once/a");
      assert.equal(await blobs.create("once/a", "again"), true);
    });

    it("lists a folder at any depth, in order, and no folder whose name begins like it", async () => {
      for (const key of ["list/b/two", "list/a", "list/b/one", "listed/no", "list/.hidden"])
        await blobs.replace(key, "x");
      assert.deepEqual(await blobs.list("list"), ["list/.hidden", "list/a", "list/b/one", "list/b/two"]);
      assert.deepEqual(await blobs.list("list/b"), ["list/b/one", "list/b/two"]);
    });

    it("lists more than a server gives at once", async () => {
      const keys = Array.from({ length: 1_050 }, (_, n) => `many/${String(n).padStart(4, "0")}`);
      for (let from = 0; from < keys.length; from += 50)
        await Promise.all(keys.slice(from, from + 50).map((key) => blobs.replace(key, "", { last: false })));
      assert.deepEqual(await blobs.list("many"), keys);
    });

    it("copies a key, and removes a key or a folder of them", async () => {
      await blobs.replace("from/a b+c%d", "copied");
      assert.equal(await blobs.copy("from/a b+c%d", "to/deep/b"), true);
      assert.equal(await blobs.read("to/deep/b"), "copied");
      await blobs.replace("to/c", "x");
      await blobs.remove("to/c");
      assert.equal(await blobs.exists("to/c"), false);
      await blobs.removeFolder("to");
      assert.deepEqual(await blobs.list("to"), []);
      assert.equal(await blobs.read("from/a b+c%d"), "copied");
    });

    it("never shows a key half written", async () => {
      const texts = ["a", "b"].map((letter) => letter.repeat(500_000));
      await blobs.replace("whole/a", texts[0] ?? "");
      const writer = (async () => {
        for (let n = 0; n < 20; n += 1) await blobs.replace("whole/a", texts[n % 2] ?? "", { last: false });
      })();
      for (let n = 0; n < 20; n += 1) assert.ok(texts.includes((await blobs.read("whole/a")) ?? ""));
      await writer;
    });

    it("names a key for people", () => {
      assert.match(blobs.locate("a/b"), /[/:].*a\/b$/);
    });
  });
}
