import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";
import { importState, stackUrn, stateOnDisk, urnOf } from "../support/state.ts";

const provider = urnOf("prov", "pulumi:providers:t");
const child = urnOf("child", "t:m:T$t:m:T");

const resources = [
  { urn: stackUrn, custom: false, type: "pulumi:pulumi:Stack" },
  { urn: provider, custom: true, id: "p", type: "pulumi:providers:t", parent: stackUrn },
  { urn: urnOf("a"), custom: true, id: "a", type: "t:m:T", parent: stackUrn, provider: `${provider}::p` },
  { urn: child, custom: true, id: "c", type: "t:m:T", parent: urnOf("a"), provider: `${provider}::p` },
  {
    urn: urnOf("user"),
    custom: true,
    id: "u",
    type: "t:m:T",
    parent: stackUrn,
    dependencies: [urnOf("a")],
    propertyDependencies: { x: [urnOf("a")] },
    protect: true,
  },
  { urn: urnOf("with"), custom: true, id: "w", type: "t:m:T", parent: stackUrn, deletedWith: urnOf("user") },
  { urn: urnOf("user"), custom: true, id: "old", type: "t:m:T", parent: stackUrn, delete: true },
];

describe("edits of a state by hand", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create();
    await sandbox.succeed("stack init dev");
  });
  beforeEach(() => importState(sandbox, resources));
  after(() => sandbox.remove());

  const names = async (): Promise<string[]> =>
    ((await stateOnDisk(sandbox)).resources ?? []).map(({ urn, id }) => `${urn.split("::").at(-1) ?? ""}/${id ?? ""}`);
  const edit = (line: string, ...args: string[]) => sandbox.run(["state", ...line.split(" "), ...args, "--yes"]);

  it("delete forgets a resource that nothing needs", async () => {
    assert.equal((await edit("delete", child)).stdout, "Resource deleted\n");
    assert.equal((await edit("rm", urnOf("with"), urnOf("user"))).stdout, "2 resources deleted\n");
    assert.deepEqual(
      await names(),
      ["sample-dev/", "prov/p", "a/a", "user/u"],
      "the one that waited for its deletion went",
    );
  });

  it("delete refuses what others need, naming them, unless they go too", async () => {
    const refused = await edit("delete", urnOf("a"));
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /can't be safely deleted because the following resources depend on it:\n \* "child"[^]* \* "user"[^]*--target-dependents/,
    );
    const guarded = await edit("delete --target-dependents", urnOf("a"));
    assert.match(guarded.stderr, /::user can't be safely deleted because it is protected/);
    assert.equal((await names()).length, resources.length, "nothing was forgotten");
    const forced = await edit("delete --target-dependents --force", urnOf("a"));
    assert.equal(forced.code, 0, forced.stderr);
    assert.match(forced.stderr, /warning: deleting protected resource .*::user due to presence of --force/);
    assert.deepEqual(await names(), ["sample-dev/", "prov/p", "user/old"]);
  });

  it("delete refuses a provider that is in use", async () => {
    assert.match((await edit("delete", provider)).stderr, /depend on it:\n \* "a"/);
  });

  it("delete --all forgets everything; a URN beside it is refused", async () => {
    assert.equal((await edit("delete --all", urnOf("a"))).code, 1);
    assert.match((await edit("delete --all")).stderr, /is protected/);
    assert.equal((await edit("delete --all --force")).stdout, "Resources deleted\n");
    assert.deepEqual(await names(), []);
  });

  it("rename changes the name wherever it is", async () => {
    assert.equal((await edit("rename", urnOf("a"), "b")).stdout, "Resource renamed\n");
    const { resources: renamed = [] } = await stateOnDisk(sandbox);
    const find = (id: string) => renamed.find((resource) => resource.id === id);
    assert.equal(find("a")?.urn, urnOf("b"));
    assert.equal(find("c")?.parent, urnOf("b"));
    assert.equal(find("c")?.urn, child, "a child's URN holds its parent's type, not its name");
    assert.deepEqual(find("u")?.dependencies, [urnOf("b")]);
    assert.deepEqual(find("u")?.["propertyDependencies"], { x: [urnOf("b")] });
    await edit("rename", provider, "provider two");
    const used = (await stateOnDisk(sandbox)).resources?.find(({ id }) => id === "a");
    assert.equal(used?.["provider"], `${urnOf("provider two", "pulumi:providers:t")}::p`);
  });

  it("rename refuses what cannot be", async () => {
    assert.match((await edit("rename", urnOf("nope"), "b")).stderr, /no resource with URN .*::nope/);
    assert.match((await edit("rename", urnOf("a"), "with")).stderr, /corresponds to an already existing resource/);
    assert.match((await edit("rename", urnOf("user"), "b")).stderr, /ambiguously refers to multiple resources/);
    assert.match((await edit("rename", "a", "b")).stderr, /URN is not valid/);
    assert.equal((await sandbox.run(["state", "rename", urnOf("a")])).code, 2);
  });

  it("protect and unprotect mark resources, one or all", async () => {
    assert.equal((await edit("protect", urnOf("a"), child)).stdout, "2 resources protected\n");
    const marked = async (field: string): Promise<string[]> =>
      ((await stateOnDisk(sandbox)).resources ?? []).filter((one) => one[field] === true).map(({ id }) => id ?? "");
    assert.deepEqual(await marked("protect"), ["a", "c", "u"]);
    assert.equal((await edit("unprotect --all")).stdout, "All resources unprotected\n");
    assert.deepEqual(await marked("protect"), []);
    assert.equal((await edit("protect --all")).stdout, "All resources protected\n");
    assert.equal((await marked("protect")).includes("old"), false, "not what waits for its deletion");
    assert.equal((await edit("taint", urnOf("a"))).stdout, "1 resources tainted\n");
    assert.deepEqual(await marked("taint"), ["a"]);
    assert.equal((await edit("untaint", urnOf("a"))).stdout, "1 resources untainted\n");
    assert.deepEqual(await marked("taint"), []);
  });

  it("what is not there is refused, with what may be meant; nobody is asked without a terminal", async () => {
    const refused = await edit("protect", urnOf("a", "t:m:Other"));
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /no resource with URN .*Other::a in the stack; did you mean .*t:m:T::a\?/);
    assert.equal((await edit("protect")).code, 2);
    assert.equal((await sandbox.run(["state", "delete", child])).code, 2);
    sandbox.env["PULUMI_SKIP_CONFIRMATIONS"] = "true";
    assert.equal((await sandbox.run(["state", "delete", child])).code, 0);
    delete sandbox.env["PULUMI_SKIP_CONFIRMATIONS"];
  });

  for (const verb of ["edit", "move", "repair", "upgrade"])
    it(`${verb} is refused by name, with what does the same`, async () => {
      const refused = await sandbox.run(["state", verb, "--anything", "x"]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, new RegExp(`does not support the command 'pulumi state ${verb}': .+`));
    });
});
