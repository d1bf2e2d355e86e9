import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { AssetOrArchive, Secret } from "@automatos/provider-plugin";
import { CloudStore } from "../src/cloud-store.ts";
import type { CloudObject } from "../src/cloud-store.ts";
import { Journal } from "../src/journal.ts";
import { LOST_SECRET, Sealing } from "../src/sealing.ts";

const object = (id: string, more: Partial<CloudObject> = {}): CloudObject => ({
  type: "t",
  id,
  name: id,
  urn: "",
  seed: "",
  handles: [id],
  unique: [],
  quotaScope: "t",
  holds: [],
  inputs: {},
  outputs: {},
  createdAt: "",
  settling: 0,
  ...more,
});

describe("the pretended cloud on disk", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rehearsal-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is seen by all who look, and kept", async () => {
    const [one, two] = [new CloudStore(folder, "x"), new CloudStore(folder, "x")];
    await one.transaction((cloud) => cloud.put(object("a", { unique: ["n/a"], holds: ["t::b"] })));
    await two.transaction((cloud) => {
      assert.equal(cloud.owner("n/a")?.id, "a");
      assert.equal(cloud.countIn("t"), 1);
      assert.deepEqual(
        cloud.heldBy(object("b")).map(({ id }) => id),
        ["a"],
      );
      cloud.strike("f");
      cloud.remove(object("a"));
    });
    await one.transaction((cloud) => {
      assert.equal(cloud.get("t", "a"), undefined);
      assert.equal(cloud.owner("n/a"), undefined);
      assert.equal(cloud.countIn("t"), 0);
      assert.equal(cloud.strikes("f"), 1);
    });
    await new CloudStore(folder, "y").transaction((cloud) => assert.deepEqual(cloud.all(), []));
  });

  it("is rewritten when most of it is of the past, without anybody losing track", async () => {
    const [writer, reader] = [new CloudStore(folder, "x"), new CloudStore(folder, "x")];
    await reader.transaction((cloud) => assert.deepEqual(cloud.all(), []));
    for (let round = 0; round < 12; round += 1)
      await writer.transaction((cloud) => {
        for (let index = 0; index < 100; index += 1) cloud.put(object("a", { seed: `${round}/${index}` }));
      });
    const lines = readFileSync(join(folder, "x.jsonl"), "utf8").split("\n").length;
    assert.ok(lines < 400, `${lines} lines`);
    await reader.transaction((cloud) => assert.equal(cloud.get("t", "a")?.seed, "11/99"));
  });

  it("has what was there before, which comes back with each process unless it was removed", async () => {
    const existing = [object("before")];
    const store = () => new CloudStore(folder, "x", existing);
    await store().transaction((cloud) => assert.ok(cloud.get("t", "before")));
    await store().transaction((cloud) => cloud.remove(object("before")));
    await store().transaction((cloud) => assert.equal(cloud.get("t", "before"), undefined));
  });

  it("is written by several processes at once without a line lost", async () => {
    const program = `
      const { CloudStore } = await import(${JSON.stringify(new URL("../src/cloud-store.ts", import.meta.url).href)});
      const store = new CloudStore(${JSON.stringify(folder)}, "x");
      for (let index = 0; index < 40; index += 1)
        await store.transaction((cloud) => cloud.strike("all"));`;
    const runs = [1, 2, 3].map(
      () =>
        new Promise<number | null>((resolve, reject) => {
          const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "inherit" });
          child.on("error", reject);
          child.on("close", resolve);
        }),
    );
    assert.deepEqual(await Promise.all(runs), [0, 0, 0]);
    await new CloudStore(folder, "x").transaction((cloud) => assert.equal(cloud.strikes("all"), 120));
  });

  it("takes the lock of a process that is dead", async () => {
    const dead = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => dead.on("close", resolve));
    writeFileSync(join(folder, "lock"), String(dead.pid));
    await new CloudStore(folder, "x").transaction((cloud) => cloud.put(object("a")));
  });

  it("waits for the lock of one that lives", async () => {
    const holder = spawn(process.execPath, ["-e", "process.stdin.resume()"]);
    writeFileSync(join(folder, "claim"), String(holder.pid));
    linkSync(join(folder, "claim"), join(folder, "lock"));
    const done = new CloudStore(folder, "x").transaction(() => "done");
    const ended = new Promise((resolve) => holder.on("close", resolve));
    holder.stdin.end();
    await ended;
    assert.equal(await done, "done");
  });

  it("cuts off a line that was not finished, and names one that is damaged", () => {
    const file = join(folder, "j.jsonl");
    const journal = new Journal<{ n: number }>(file);
    journal.follow();
    journal.append([{ n: 1 }]);
    appendFileSync(file, '{"n":');
    const next = new Journal<{ n: number }>(file);
    assert.deepEqual(next.follow().entries, [{ n: 1 }]);
    next.append([{ n: 2 }]);
    assert.deepEqual(journal.follow().entries, [{ n: 2 }]);
    assert.equal(readFileSync(file, "utf8"), '{"n":1}\n{"n":2}\n');
    appendFileSync(file, "oh\n");
    assert.throws(() => journal.follow(), /j\.jsonl, line 3, is not JSON; remove the rehearsal's folder/);
  });

  it("knows a secret again, and gives none away", () => {
    const sealing = new Sealing(folder);
    const map = {
      a: new Secret("hush"),
      l: [{ b: new Secret({ c: "deep" }) }],
      t: new AssetOrArchive("asset", { text: "body" }),
    };
    const sealed = sealing.seal(map);
    assert.doesNotMatch(JSON.stringify(sealed), /hush|deep|body/);
    assert.deepEqual(new Sealing(folder).unseal(sealed, map), map);
    assert.deepEqual(sealing.unseal(sealed, { a: new Secret("other") })["a"], new Secret(LOST_SECRET));
    assert.notEqual(sealing.digest("hush"), new Sealing(mkdtempSync(join(folder, "k-"))).digest("hush"));
    assert.equal(sealing.digest(new Secret("hush")), sealing.digest("hush"));
  });
});
