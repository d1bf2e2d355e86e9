import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { withFakePlugin } from "../support/fake-plugin.ts";
import type { Sandbox } from "../support/pulumi.ts";
import { stackUrn, stateOnDisk } from "../support/state.ts";

const type = "fake:index:Fake";

describe("import", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await withFakePlugin(`
      const pulumi = require("@pulumi/pulumi");
      class Fake extends pulumi.CustomResource {
        constructor(name, args, opts) { super("fake:index:Fake", name, { full: undefined, ...args }, opts); }
      }
      new Fake("one", { name: "id-1", size: 1 }, { protect: true });`);
  });
  after(() => sandbox.remove());

  const find = async (name: string) =>
    (await stateOnDisk(sandbox)).resources?.find(({ urn }) => urn.endsWith(`::${name}`)) ?? assert.fail(name);
  const importing = (...args: string[]) => sandbox.run(["import", ...args]);

  it("takes over a resource that is there: protected, below the stack, with what the provider tells", async () => {
    const preview = await importing(type, "one", "id-1", "--preview-only");
    assert.equal(preview.code, 0, preview.stderr);
    assert.match(preview.stdout, /Previewing import \(dev\):[^]*= 1 to import/);
    assert.equal((await stateOnDisk(sandbox)).resources, undefined);
    const done = await importing(type, "one", "id-1", "--yes", "--out", "imported.json");
    assert.equal(done.code, 0, done.stdout + done.stderr);
    assert.match(done.stdout, /Importing \(dev\):[^]*= 1 imported/);
    assert.match(done.stderr, /no code was generated, as that needs the schemas of providers/);
    const one = await find("one");
    assert.deepEqual([one.id, one["importID"], one.protect, one.parent], ["id-1", "id-1", true, stackUrn]);
    assert.deepEqual(
      [one.inputs, one.outputs],
      [
        { name: "id-1", size: 1 },
        { full: "id-1", name: "id-1", size: 1 },
      ],
    );
    const preview2 = await sandbox.run("preview --expect-no-changes");
    assert.equal(preview2.code, 0, preview2.stdout + preview2.stderr);
    assert.match(await sandbox.succeed("stack history --json"), /"kind": "import"/);
  });

  it("of what is there already changes nothing; of another id it is refused", async () => {
    assert.equal((await importing(type, "one", "id-1", "--yes", "--skip-preview")).code, 0);
    const taken = await importing(type, "one", "id-2", "--yes", "--skip-preview");
    assert.equal(taken.code, 1);
    assert.match(taken.stdout, /resource '.*::one' already exists, with the id 'id-1'/);
  });

  it("of what the provider does not know is refused, and nothing is left of it", async () => {
    const missing = await importing(type, "two", "missing-2", "--yes", "--skip-preview");
    assert.equal(missing.code, 1);
    assert.match(missing.stdout, /resource 'missing-2' does not exist/);
    const { resources = [], pending_operations: pendingOperations = [] } = await stateOnDisk(sandbox);
    assert.deepEqual([resources.filter(({ urn }) => urn.endsWith("::two")), pendingOperations], [[], []]);
  });

  it("takes a list of resources: parents in it or in the stack, a provider of the stack, some inputs", async () => {
    const one = await find("one");
    const file = {
      nameTable: { first: one.urn, prov: String(one["provider"]).split("::").slice(0, -1).join("::") },
      resources: [
        { type, name: "child", id: "c", parent: "group" },
        { type: "my:index:Group", name: "group", component: true, parent: "first" },
        { type, name: "some", logicalName: "Some Name", id: "s", provider: "prov", properties: ["name"] },
      ],
    };
    await sandbox.write("list.json", JSON.stringify(file));
    const done = await importing("--file", "list.json", "--yes", "--skip-preview", "--protect=false");
    assert.equal(done.code, 0, done.stdout + done.stderr);
    const group = await find("group");
    assert.equal(group.parent, one.urn);
    assert.deepEqual([(await find("child")).parent, (await find("child")).protect], [group.urn, undefined]);
    assert.deepEqual((await find("Some Name")).inputs, { name: "s" });
  });

  const entry = { type, name: "x", id: "x" };
  const refused: [file: unknown, named: RegExp][] = [
    [{ resources: [] }, /there are no resources to import/],
    [{ resources: [{ ...entry, type: "" }] }, /resource 'x' has no type/],
    [{ resources: [{ ...entry, type: "nonsense" }] }, /has a type that is none/],
    [{ resources: [{ type, id: "x" }] }, /resource 'x' of type '.*' has no name/],
    [{ resources: [{ type, name: "x" }] }, /has no ID/],
    [{ resources: [{ ...entry, component: true }] }, /has an ID, but is marked as a component/],
    [
      { resources: [{ ...entry, parent: "nobody" }] },
      /the parent 'nobody' for resource 'x' .* has no entry in 'nameTable'/,
    ],
    [{ resources: [entry, entry, { ...entry, name: "y", parent: "x" }] }, /has an ambiguous parent 'x'/],
    [{ resources: [{ ...entry, inputs: {} }] }, /has 'inputs', which the embedded engine does not support/],
  ];
  for (const [file, named] of refused)
    it(`refuses a list where ${String(named)}`, async () => {
      await sandbox.write("bad.json", JSON.stringify(file));
      const result = await importing("-f", "bad.json", "--yes");
      assert.equal(result.code, 1);
      assert.match(result.stderr, named);
    });

  it("is refused without what it needs, and where code is asked for", async () => {
    assert.match((await importing(type, "x")).stderr, /an inline resource must be specified/);
    assert.match((await importing("--file", "nope.json")).stderr, /there is no nope\.json/);
    assert.match(
      (await importing(type, "x", "y", "--parent", "nonsense", "--yes")).stderr,
      /could not parse parent spec 'nonsense'/,
    );
    assert.match(
      (await importing(type, "x", "y", "--from", "terraform")).stderr,
      /does not support --from of `pulumi import`/,
    );
    assert.match(
      (await importing(type, "x", "y", "--generate-code", "--yes")).stderr,
      /code is generated from the schemas/,
    );
    assert.equal((await importing(type, "x", "y")).code, 2, "nobody is there to confirm");
  });
});
