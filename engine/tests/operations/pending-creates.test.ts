import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { withFakePlugin } from "../support/fake-plugin.ts";
import type { Sandbox } from "../support/pulumi.ts";
import { importState, stackUrn, stateOnDisk, urnOf } from "../support/state.ts";
import { converse, skipWithoutTerminal } from "../support/terminal.ts";

const type = "fake:index:Fake";
const provider = urnOf("default", "pulumi:providers:fake");
const root = { urn: stackUrn, custom: false, type: "pulumi:pulumi:Stack" };
const providerState = { urn: provider, custom: true, id: "p", type: "pulumi:providers:fake" };
const pending = (name: string, operation = "creating"): object => ({
  type: operation,
  resource: {
    urn: urnOf(name, type),
    custom: true,
    type,
    parent: stackUrn,
    provider: `${provider}::p`,
    inputs: { name },
  },
});

describe("creations that were cut short", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await withFakePlugin();
  });
  beforeEach(() =>
    importState(sandbox, [root, providerState], [pending("made"), pending("other"), pending("x", "updating")]),
  );
  after(() => sandbox.remove());

  const left = async (): Promise<string[]> =>
    ((await stateOnDisk(sandbox)).pending_operations ?? []).map(
      (one) => `${one.type} ${one.resource.urn.split("::").at(-1) ?? ""}`,
    );
  const ids = async (): Promise<(string | undefined)[]> =>
    ((await stateOnDisk(sandbox)).resources ?? []).filter((one) => one["type"] === type).map(({ id }) => id);

  it("are explained by an update, and stay on record", async () => {
    const { stdout, stderr, code } = await sandbox.run("up --yes --skip-preview");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /3 pending operations from previous deployment[^]*::made, interrupted while creating/);
    assert.deepEqual(await left(), ["creating made", "creating other"]);
  });

  it("stay where nobody says what became of them; what else was cut short is found by the refresh", async () => {
    await sandbox.succeed("refresh --yes --skip-preview");
    assert.deepEqual(await left(), ["creating made", "creating other"]);
  });

  it("are forgotten with --clear-pending-creates", async () => {
    await sandbox.succeed("refresh --yes --skip-preview --clear-pending-creates");
    assert.deepEqual(await left(), []);
    assert.deepEqual(await ids(), []);
  });

  it("become resources with --import-pending-creates, and the refresh reads them", async () => {
    const made = urnOf("made", type);
    const flags = ["--import-pending-creates", made, "--import-pending-creates", "the-id"];
    await sandbox.succeed(["refresh", "--yes", "--skip-preview", ...flags]);
    assert.deepEqual(await left(), ["creating other"]);
    const resource = (await stateOnDisk(sandbox)).resources?.find(({ urn }) => urn === made);
    assert.equal(resource?.id, "the-id");
    assert.deepEqual(resource.outputs, { full: "the-id", name: "the-id", size: 1 });
  });

  it("that turn out not to be there are gone again", async () => {
    const flags = ["--import-pending-creates", urnOf("made", type), "--import-pending-creates", "missing-1"];
    await sandbox.succeed(["refresh", "--yes", "--skip-preview", "--clear-pending-creates", ...flags]);
    assert.deepEqual([await left(), await ids()], [[], []]);
  });

  it("are asked about on a terminal: made, not made, or left open", { skip: skipWithoutTerminal }, async () => {
    const { code, text } = await converse(sandbox, "refresh --skip-preview", ["perhaps", "import", "id-7", "clear"]);
    assert.equal(code, 0, text);
    assert.match(text, /Options for pending CREATE of .*::made:/);
    assert.match(text, /'perhaps' is none of clear, skip and import/);
    assert.deepEqual([await left(), await ids()], [[], ["id-7"]]);
    await importState(sandbox, [root, providerState], [pending("made")]);
    await converse(sandbox, "refresh --skip-preview", [""]);
    assert.deepEqual(await left(), ["creating made"]);
    const unasked = await converse(sandbox, "refresh --skip-preview --skip-pending-creates", []);
    assert.equal(unasked.text.includes("Options for pending CREATE"), false);
  });

  it("are left as they are by a preview", async () => {
    await sandbox.succeed("refresh --preview-only --clear-pending-creates");
    assert.deepEqual(await left(), ["creating made", "creating other", "updating x"]);
  });

  it("are not settled by half a command line", async () => {
    const odd = await sandbox.run(["refresh", "--yes", "--import-pending-creates", urnOf("made", type)]);
    assert.match(odd.stderr, /each URN must be followed by an ID: found an odd number of entries/);
    const both = await sandbox.run("refresh --yes --skip-pending-creates --clear-pending-creates");
    assert.match(both.stderr, /cannot set both --skip-pending-creates and --clear-pending-creates/);
    assert.deepEqual([odd.code, both.code], [1, 1]);
    const unknown = ["--import-pending-creates", urnOf("nobody", type), "--import-pending-creates", "id"];
    const warned = await sandbox.run(["refresh", "--yes", "--skip-preview", ...unknown]);
    assert.match(warned.stderr, /warning: ".*::nobody" did not correspond to a pending create/);
    assert.equal(warned.code, 0);
  });
});
