import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aliasUrns } from "../../src/deploy/alias.ts";
import type { Alias } from "../../src/deploy/alias.ts";
import { parseDuration } from "../../src/deploy/duration.ts";
import { UrnTargets } from "../../src/deploy/targets.ts";
import {
  createUrn,
  isDefaultProvider,
  parseProviderReference,
  parseUrn,
  urnName,
  urnType,
} from "../../src/deploy/urn.ts";

const stackUrn = createUrn("dev", "p", "", "pulumi:pulumi:Stack", "p-dev");
const group = createUrn("dev", "p", stackUrn, "my:index:Group", "g");
const child = createUrn("dev", "p", group, "aws:s3:Bucket", "g-b");

describe("URNs", () => {
  it("name the types of all parents but the stack", () => {
    assert.equal(child, "urn:pulumi:dev::p::my:index:Group$aws:s3:Bucket::g-b");
    assert.equal(urnType(child), "aws:s3:Bucket");
    assert.equal(urnName("urn:pulumi:dev::p::a:b:C::with::colons"), "with::colons");
    assert.throws(() => parseUrn("urn:pulumi:dev"), /invalid URN/);
  });

  it("with an id refer to providers", () => {
    const provider = createUrn("dev", "p", "", "pulumi:providers:aws", "default_6_0_0");
    assert.deepEqual(parseProviderReference(`${provider}::some-id`), { urn: provider, id: "some-id" });
    assert.ok(isDefaultProvider(provider));
    assert.ok(!isDefaultProvider(createUrn("dev", "p", "", "pulumi:providers:aws", "defaults")));
    assert.throws(() => parseProviderReference(`${child}::id`), /invalid provider reference/);
  });
});

describe("aliases", () => {
  const spec = (parts: Partial<Exclude<Alias, { urn: string }>>): Alias => ({
    name: "",
    type: "",
    stack: "",
    project: "",
    parent: "",
    noParent: false,
    ...parts,
  });
  const scope = (renamed: Record<string, string> = {}) => ({
    stack: "dev",
    project: "p",
    formerUrn: (urn: string) => renamed[urn],
  });
  const resource = { name: "h-b", type: "aws:s3:Bucket", parent: group };
  const rows: [string, Alias, string][] = [
    ["a whole URN", { urn: "urn:pulumi:x::y::z::n" }, "urn:pulumi:x::y::z::n"],
    ["a name", spec({ name: "old" }), "urn:pulumi:dev::p::my:index:Group$aws:s3:Bucket::old"],
    ["a type", spec({ type: "aws:s3:Old" }), "urn:pulumi:dev::p::my:index:Group$aws:s3:Old::h-b"],
    [
      "a project and stack",
      spec({ project: "q", stack: "prod" }),
      "urn:pulumi:prod::q::my:index:Group$aws:s3:Bucket::h-b",
    ],
    ["no parent", spec({ noParent: true }), "urn:pulumi:dev::p::aws:s3:Bucket::h-b"],
    ["the stack as parent", spec({ parent: stackUrn }), "urn:pulumi:dev::p::aws:s3:Bucket::h-b"],
  ];
  for (const [name, alias, expected] of rows)
    it(`of ${name}`, () => assert.deepEqual(aliasUrns(scope(), resource, [alias]), [expected]));

  it("of a parent are its children's, also of a child's own aliases, and rename those that carry the parent's name", () => {
    const parent = createUrn("dev", "p", stackUrn, "my:index:Group", "h");
    const renamed = scope({ [parent]: group });
    assert.deepEqual(aliasUrns(renamed, { name: "h-b", type: "aws:s3:Bucket", parent }, [spec({ name: "h-c" })]), [
      "urn:pulumi:dev::p::my:index:Group$aws:s3:Bucket::h-c",
      "urn:pulumi:dev::p::my:index:Group$aws:s3:Bucket::g-b",
      "urn:pulumi:dev::p::my:index:Group$aws:s3:Bucket::g-c",
    ]);
  });
});

describe("targets", () => {
  it("are URNs, or globs over them", () => {
    const targets = new UrnTargets([group, "**::g-*", "urn:pulumi:dev::p::*:Exact::x"]);
    assert.ok(targets.contains(group));
    assert.ok(targets.contains(child));
    assert.ok(!targets.contains(stackUrn));
    assert.ok(!targets.contains("urn:pulumi:dev::p::a:b:Exact::x"), "one star ends at a colon");
    assert.ok(new UrnTargets([]).contains("anything"));
    assert.ok(!new UrnTargets([]).names("anything"));
  });
});

describe("durations", () => {
  for (const [text, seconds] of [
    ["90s", 90],
    ["1h30m", 5_400],
    ["1.5h", 5_400],
    ["250ms", 0.25],
    ["0", 0],
  ] as const) {
    it(`${text} is ${seconds} s`, () => assert.equal(parseDuration(text), seconds));
  }
  for (const text of ["", "5", "5 m", "abc", "5x"])
    it(`${JSON.stringify(text)} is none`, () => assert.throws(() => parseDuration(text)));
});
