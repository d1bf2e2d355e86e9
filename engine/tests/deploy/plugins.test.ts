import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { StackUnderTest } from "./support/stack-under-test.ts";

const PLUGIN = new URL("./support/fake-plugin.mjs", import.meta.url).pathname;
const LIBRARY = `
  class Fake extends pulumi.CustomResource {
    constructor(name, args, opts) { super("fake:index:Fake", name, { full: undefined, ...args }, opts); }
  }
  class FakeProvider extends pulumi.ProviderResource {
    constructor(name, args, opts) { super("fake", name, args, opts); }
  }
`;

describe("provider plugins", () => {
  const bin = mkdtempSync(join(tmpdir(), "engine-plugins-"));
  const ledger = join(bin, "ledger");
  const path = process.env["PATH"];
  let stack = new StackUnderTest();

  before(() => {
    symlinkSync(PLUGIN, join(bin, "pulumi-resource-fake"));
    process.env["PATH"] = `${bin}${delimiter}${path ?? ""}`;
    process.env["FAKE_LEDGER"] = ledger;
  });
  afterEach(() => {
    stack.remove();
    stack = new StackUnderTest();
  });
  after(() => {
    process.env["PATH"] = path;
    delete process.env["FAKE_LEDGER"];
    stack.remove();
    rmSync(bin, { recursive: true });
  });

  async function up(program: string, options: Parameters<StackUnderTest["up"]>[0] = {}) {
    writeFileSync(ledger, "");
    stack.program(LIBRARY + program);
    const outcome = await stack.up(options);
    return { ...outcome, asked: readFileSync(ledger, "utf8").split("\n").filter(Boolean) };
  }

  it("are configured from the stack, previewed, and told what differs", async () => {
    const config = new Map([["fake:prefix", { value: "p-", secret: false }]]);
    const preview = await stack
      .program(LIBRARY + `const a = new Fake("a", { name: "one", size: 1 }); exports.full = a.full;`)
      .preview({ config });
    assert.deepEqual(preview.errors, []);
    const previewed = preview.snapshot.resources.find(({ urn }) => urn.endsWith("::a"));
    assert.equal(previewed?.outputs?.["full"], "previewed");

    const made = await up(`new Fake("a", { name: "one", size: 1 });`, { config });
    assert.deepEqual(made.asked, ["configure p-", "create p-one"]);
    const provider = stack.snapshot.resources.find(({ type }) => type === "pulumi:providers:fake");
    assert.equal(provider?.urn, "urn:pulumi:dev::test::pulumi:providers:fake::default");
    assert.deepEqual(provider.inputs, { prefix: "p-" });
    assert.equal(stack.state("a")?.provider, `${provider.urn}::${provider.id ?? ""}`);

    const grown = await up(`new Fake("a", { name: "one", size: 2 });`, { config });
    assert.deepEqual(grown.asked, ["configure p-", "update p-one"]);
    const pre = grown.events.find((event) => JSON.stringify(event).includes('"op":"update"'));
    const { metadata } = pre?.["resourcePreEvent"] as { metadata: Record<string, unknown> };
    assert.deepEqual(metadata["diffs"], ["size"]);
    assert.deepEqual(metadata["detailedDiff"], { size: { diffKind: "update", inputDiff: false } });

    const renamed = await up(`new Fake("a", { name: "two", size: 2 });`, { config });
    assert.deepEqual(renamed.asked, ["configure p-", "create p-two", "delete p-one"]);

    const reshaped = await up(`new Fake("a", { name: "two", size: 3 }, { replaceOnChanges: ["size"] });`, { config });
    assert.deepEqual(reshaped.asked, ["configure p-", "create p-two", "delete p-two"]);
  });

  it("of a version have a provider of their own", async () => {
    const { errors } = await up(`new Fake("a", { name: "a" }, { version: "1.2.3" }); new Fake("b", { name: "b" });`);
    assert.deepEqual(errors, []);
    const names = stack.snapshot.resources
      .filter(({ type }) => type.startsWith("pulumi:providers:"))
      .map(({ urn }) => urn.split("::").at(-1));
    assert.deepEqual(names.sort(), ["default", "default_1_2_3"]);
  });

  it("can be made by the program, handed down by components, and replaced with all that they manage", async () => {
    const program = (region: string) => `
      const east = new FakeProvider("east", { prefix: "e-", region: "${region}" });
      const g = new Group("g", {}, { providers: { fake: east } });
      new Fake("child", { name: "child" }, { parent: g });
      new Fake("own", { name: "own" }, { provider: east });`;
    const made = await up(program("one"));
    assert.deepEqual(made.errors, []);
    assert.deepEqual([...made.asked].sort(), ["configure e- one", "create e-child", "create e-own"]);
    const same = await up(program("one"));
    assert.deepEqual(same.changes, { same: 5 });
    const moved = await up(program("two"));
    assert.deepEqual(moved.errors, []);
    assert.deepEqual(moved.asked.filter((line) => line.startsWith("create")).sort(), [
      "create e-child",
      "create e-own",
    ]);
    assert.deepEqual(moved.asked.filter((line) => line.startsWith("delete")).sort(), [
      "delete e-child",
      "delete e-own",
    ]);
    const gone = await up(``);
    assert.deepEqual(gone.errors, []);
    assert.deepEqual(
      stack.snapshot.resources.map(({ type }) => type),
      ["pulumi:pulumi:Stack"],
    );
  });

  it("answer functions, and see secrets as such", async () => {
    const { errors } = await up(
      `exports.got = pulumi.runtime.invoke("fake:index:echo", { x: 1 }); new Fake("a", { name: "a", password: pulumi.secret("hush") });`,
    );
    assert.deepEqual(errors, []);
    assert.deepEqual(stack.state("test-dev")?.outputs, { got: { echo: { x: 1 }, by: "" } });
    assert.ok(!JSON.stringify(stack.state("a")?.inputs?.["name"]).includes("hush"));
    assert.equal(stack.state("a")?.outputs?.["password"]?.constructor.name, "Secret");
  });

  it("take over what exists, and change it to what the program wants", async () => {
    const { errors, asked } = await up(`new Fake("a", { name: "theirs", size: 1 }, { import: "theirs" });`);
    assert.deepEqual(errors, []);
    assert.deepEqual(asked, ["configure"]);
    assert.equal(stack.state("a")?.id, "theirs");
    const again = await up(`new Fake("a", { name: "theirs", size: 1 }, { import: "theirs" });`);
    assert.deepEqual(again.changes, { same: 2 });
    const changed = await up(`new Fake("a", { name: "theirs", size: 5 });`);
    assert.deepEqual(changed.asked, ["configure", "update theirs"]);
  });

  it("that do not start are shown with what they said", async () => {
    const broken = join(bin, "pulumi-resource-broken");
    writeFileSync(broken, "#!/bin/sh\necho no licence >&2\nexit 4\n");
    chmodSync(broken, 0o755);
    const { errors } = await up(`new pulumi.CustomResource("broken:index:X", "x", {});`);
    assert.match(errors.join("\n"), /resource plugin broken did not start: it ended with exit code 4\nno licence/);
  });
});
