import assert from "node:assert/strict";
import { Secret } from "../../src/model.ts";
import { describeRows } from "./support/rows.ts";
import type { Row } from "./support/rows.ts";

const rows: Row[] = [
  [
    "stack transforms, resource transforms and those of parents change what is registered, dependencies kept",
    [
      {
        program: `
          pulumi.runtime.registerResourceTransform(({ type, props, opts }) =>
            type.includes("dynamic") ? { props: { ...props, label: props.label + "-stack" }, opts } : undefined);
          const first = new Thing("first", {});
          const g = new Group("g", {}, { transforms: [({ type, props, opts }) =>
            type.includes("dynamic") ? { props: { ...props, label: props.label + "-parent" }, opts } : undefined] });
          new Thing("a", { n: first.twice }, { parent: g, transforms: [({ props, opts }) =>
            ({ props: { ...props, label: props.label + "-own" }, opts: pulumi.mergeOptions(opts, { protect: true }) })] });`,
        check: (_outcome, stack) => {
          assert.equal(stack.state("first")?.inputs?.["label"], "l-stack");
          assert.equal(stack.state("a")?.inputs?.["label"], "l-own-parent-stack");
          assert.equal(stack.state("a")?.protect, true);
          // The SDK's answer to a resource's own transforms names no output values: as Pulumi, what remains is
          // what the resource as a whole depends on.
          assert.deepEqual(stack.state("a")?.dependencies, [stack.state("first")?.urn]);
        },
      },
    ],
  ],
  [
    "a transform that throws fails the operation",
    [
      {
        program: `new Thing("a", {}, { transforms: [() => { throw new Error("not like this"); }] });`,
        errors: /not like this/,
        ledger: [],
      },
    ],
  ],
  [
    "hooks run before and after, and one that throws beforehand prevents the operation",
    [
      {
        program: `
          const log = (name) => new pulumi.ResourceHook(name, (args) => fs.appendFileSync(ledger, name + " " + args.name + "\\n"));
          new Thing("a", {}, { hooks: { beforeCreate: [log("before")], afterCreate: [log("after")] } });`,
        ledger: ["before a", "create a", "after a"],
      },
      {
        program: `
          const no = new pulumi.ResourceHook("no", () => { throw new Error("not today"); });
          new Thing("a", { n: 2 }, { hooks: { beforeUpdate: [no] } });`,
        errors: /before hook "no" failed: .*not today/,
        ledger: [],
      },
    ],
  ],
  [
    "a reference to another stack reads its outputs, secrets as secrets",
    [
      {
        program: `const other = new pulumi.StackReference("organization/other/dev"); exports.got = other.getOutput("plain"); exports.hidden = other.requireOutput("hidden");`,
        check: (_outcome, stack) => {
          assert.deepEqual(stack.state("test-dev")?.outputs, { got: 1, hidden: new Secret("x") });
          assert.deepEqual(stack.state("organization/other/dev")?.outputs?.["secretOutputNames"], ["hidden"]);
        },
        options: { readStackOutputs: () => Promise.resolve({ plain: 1, hidden: new Secret("x") }) },
      },
      { errors: /unknown stack "organization\/other\/dev"/ },
    ],
  ],
  [
    "outputs of every shape are recorded",
    [
      {
        program: `
          const a = new Thing("a", { blob: { list: [1, "x", true, null], deep: { empty: [], nothing: {} } } });
          module.exports = { a, nested: { id: a.id, list: pulumi.all([a.twice, a.upper]) }, text: pulumi.interpolate\`<\${a.id}>\` };`,
        check: (_outcome, stack) => {
          const outputs = stack.state("test-dev")?.outputs ?? {};
          assert.deepEqual(outputs["nested"], { id: "a-k", list: [2, "L"] });
          assert.equal(outputs["text"], "<a-k>");
          assert.deepEqual(stack.state("a")?.outputs?.["blob"], {
            list: [1, "x", true, null],
            deep: { empty: [], nothing: {} },
          });
        },
      },
    ],
  ],
  [
    "assets carry a hash, and a changed file is a change",
    [
      {
        program: `fs.writeFileSync(__dirname + "/file.txt", "one"); new Thing("a", { blob: new pulumi.asset.FileAsset("file.txt") });`,
      },
      {
        program: `fs.writeFileSync(__dirname + "/file.txt", "one"); new Thing("a", { blob: new pulumi.asset.FileAsset("file.txt") });`,
        steps: ["same a"],
      },
      {
        program: `fs.writeFileSync(__dirname + "/file.txt", "two"); new Thing("a", { blob: new pulumi.asset.FileAsset("file.txt") });`,
        steps: ["update a"],
      },
    ],
  ],
  [
    "configuration reaches the program, its secrets as secrets",
    [
      {
        program: `const c = new pulumi.Config(); module.exports = { plain: c.get("plain"), hidden: c.requireSecret("hidden"), project: pulumi.getProject(), stack: pulumi.getStack(), organization: pulumi.getOrganization() };`,
        options: {
          config: new Map([
            ["test:plain", { value: "p", secret: false }],
            ["test:hidden", { value: "h", secret: true }],
          ]),
        },
        check: ({ events }, stack) => {
          assert.deepEqual(stack.state("test-dev")?.outputs, {
            plain: "p",
            hidden: new Secret("h"),
            project: "test",
            stack: "dev",
            organization: "organization",
          });
          const prelude = events.find((event) => "preludeEvent" in event);
          assert.deepEqual(prelude?.["preludeEvent"], { config: { "test:plain": "p", "test:hidden": "[secret]" } });
          assert.ok(!JSON.stringify(events).includes('"h"'), "no event shows a secret");
        },
      },
    ],
  ],
];

describeRows("the SDK's protocol", rows);
