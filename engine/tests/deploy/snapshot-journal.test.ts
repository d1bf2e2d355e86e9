import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ResourceState, Snapshot } from "../../src/model.ts";
import { SnapshotJournal } from "../../src/deploy/snapshot-journal.ts";

const state = (name: string, more: Partial<ResourceState> = {}): ResourceState => ({
  urn: `urn:pulumi:dev::test::x:y:Z::${name}`,
  type: "x:y:Z",
  custom: true,
  ...more,
});
const names = (snapshot: Snapshot) => snapshot.resources.map(({ urn }) => urn.split("::").at(-1));

function journal(base: ResourceState[], write: (snapshot: Snapshot) => Promise<void> = async () => undefined) {
  return new SnapshotJournal(base, [], write);
}

describe("the journal of an operation", () => {
  it("has what is new first, in the order of its completion, then what is left of the old", () => {
    const [a, b, c] = [state("a"), state("b"), state("c")];
    const log = journal([a, b, c]);
    log.put(state("b2"), b);
    log.put(state("new"), undefined);
    log.remove(c);
    assert.deepEqual(names(log.snapshot()), ["b2", "new", "a"]);
  });

  it("forgets what was imported when the same operation updates it", () => {
    const log = journal([]);
    const imported = state("a", { inputs: { n: 1 } });
    log.put(imported, undefined);
    log.put(state("a", { inputs: { n: 2 } }), imported);
    assert.deepEqual(
      log.snapshot().resources.map(({ inputs }) => inputs),
      [{ n: 2 }],
    );
  });

  it("hands out states that never change", () => {
    const log = journal([]);
    const made = state("a", { outputs: { x: 1 } });
    log.put(made, undefined);
    const before = log.snapshot().resources[0];
    made.outputs = { x: 2 };
    assert.deepEqual(before?.outputs, { x: 1 });
    log.touch(made);
    assert.deepEqual(before.outputs, { x: 1 });
    assert.deepEqual(log.snapshot().resources[0]?.outputs, { x: 2 });
    assert.equal(log.snapshot().resources[0], log.snapshot().resources[0], "the same object while nothing changes");
  });

  it("lets an operation begin when its record is written, and not before", async () => {
    let written: (() => void) | undefined;
    const log = journal([], () => new Promise((resolve) => (written = resolve)));
    let began = false;
    const beginning = log.begin(state("a"), "creating").then(() => (began = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(began, false);
    assert.deepEqual(
      log.snapshot().pendingOperations.map(({ type }) => type),
      ["creating"],
    );
    written?.();
    await beginning;
    assert.equal(began, true);
  });

  it("writes nothing for a resource that did not change", () => {
    let writes = 0;
    const old = state("a", { inputs: { x: 1 }, outputs: { y: [1, { z: null }] } });
    const log = journal([old], async () => void (writes += 1));
    log.put({ ...old, inputs: { x: 1 }, outputs: { y: [1, { z: null }] }, modified: "later" }, old);
    assert.equal(writes, 0);
    log.put(state("b"), undefined);
    assert.equal(writes, 1);
  });

  it("tells of a failed write whoever comes next", async () => {
    const log = journal([], () => Promise.reject(new Error("no space left")));
    log.put(state("a"), undefined);
    await assert.rejects(log.begin(state("b"), "creating"), /no space left/);
    await assert.rejects(log.flushed(), /no space left/);
  });

  it("renames what names a resource that has a new name", () => {
    const provider = "urn:pulumi:dev::test::pulumi:providers:x::old";
    const child = state("child", {
      parent: state("a").urn,
      dependencies: [state("a").urn],
      propertyDependencies: { p: [state("a").urn] },
      deletedWith: state("a").urn,
      provider: `${provider}::id`,
    });
    const log = journal([state("a"), child]);
    log.rename(state("a").urn, state("b").urn);
    log.rename(provider, provider.replace("old", "new"));
    const [, renamed] = log.snapshot().resources;
    assert.equal(renamed?.parent, state("b").urn);
    assert.deepEqual(renamed.dependencies, [state("b").urn]);
    assert.deepEqual(renamed.propertyDependencies, { p: [state("b").urn] });
    assert.equal(renamed.deletedWith, state("b").urn);
    assert.equal(renamed.provider, "urn:pulumi:dev::test::pulumi:providers:x::new::id");
    assert.equal(log.snapshot().resources[1], renamed);
    assert.equal(child.parent, state("a").urn);
  });
});
