import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { Unknown } from "../../src/model.ts";
import { describeRows } from "./support/rows.ts";
import type { Row } from "./support/rows.ts";
import type { StackUnderTest } from "./support/stack-under-test.ts";

const urn = (name: string) => `urn:pulumi:dev::test::pulumi-nodejs:dynamic:Resource::${name}`;

/** What a read of the resource will find; null for nothing. */
function world(stack: StackUnderTest, name: string, found: object | null): void {
  writeFileSync(`${stack.ledgerFile}.${name}`, JSON.stringify(found));
}

const chain = (n: number) =>
  `const a = new Thing("a", { n: ${n} }); const b = new Thing("b", { n: a.twice }); new Thing("c", { n: ${n} });`;

const rows: Row[] = [
  [
    "a preview changes nothing, and does not know what is not made yet",
    [
      {
        run: "preview",
        program: chain(1) + `module.exports = { twice: b.twice };`,
        steps: ["create a", "create b", "create c"],
        ledger: [],
        check: ({ snapshot, events, changes }) => {
          assert.deepEqual(snapshot.resources.find(({ urn }) => urn.endsWith("::b"))?.inputs?.["n"], Unknown.instance);
          assert.ok(events.every((event) => !("resOpFailedEvent" in event)));
          assert.deepEqual(changes, { create: 4 });
        },
      },
    ],
  ],
  [
    "a target alone is updated, and its dependants where asked",
    [
      { program: chain(1) },
      {
        program: chain(2),
        options: { targets: [urn("c")] },
        steps: ["same a", "same b", "update c"],
        ledger: ["update c"],
      },
      {
        program: chain(3),
        options: { targets: ["**::a"], targetDependents: true },
        steps: ["update a", "update b", "same c"],
      },
      { program: chain(3), options: { excludes: [urn("c")] }, steps: ["same a", "same b", "same c"] },
      { run: "destroy", options: { targets: [urn("a")] }, errors: /will be destroyed but was not specified/ },
      { run: "destroy", options: { targets: [urn("a")], targetDependents: true }, ledger: ["delete b", "delete a"] },
      { run: "destroy", options: { excludes: [urn("c")] }, ledger: [], steps: ["same c"] },
    ],
  ],
  [
    "a target that is not there is an error",
    [{ program: ``, options: { targets: [urn("nowhere")] }, errors: /could not be found in the stack/ }],
  ],
  [
    "what is not a target is not created, and what needs it is refused",
    [
      {
        program: `const a = new Thing("a", {}); new Thing("b", { n: 5 }, { dependsOn: a });`,
        options: { targets: [urn("b")] },
        errors: /depends on .* which was was not specified in --target list/,
        ledger: [],
      },
    ],
  ],
  [
    "--replace replaces what has not changed",
    [
      { program: `new Thing("a", {});` },
      { program: `new Thing("a", {});`, options: { replaces: [urn("a")] }, ledger: ["create a", "delete a"] },
      { options: { replaces: [urn("nowhere")] }, errors: /Target .* could not be found/, steps: [] },
    ],
  ],
  [
    "a refresh finds drift and what is gone; the next run puts both right",
    [
      {
        program: `const a = new Thing("a", {}); new Thing("b", { n: a.twice });`,
        check: (_outcome, stack) => {
          world(stack, "a", { n: 7, twice: 14 });
          world(stack, "b", null);
        },
      },
      {
        run: "refresh",
        steps: ["refresh a", "refresh b"],
        check: ({ changes }, stack) => {
          assert.deepEqual(changes, { same: 1, update: 1, delete: 1 });
          assert.equal(stack.state("a")?.outputs?.["n"], 7);
          assert.equal(stack.state("b"), undefined);
        },
      },
      { program: `const a = new Thing("a", {}); new Thing("b", { n: a.twice });`, ledger: ["update a", "create b"] },
    ],
  ],
  [
    "a refresh asks all, also when one cannot be asked",
    [
      {
        program: `new Thing("a", {}); new Thing("b", {});`,
        check: (_outcome, stack) => {
          world(stack, "a", { refuse: true });
          world(stack, "b", { n: 7 });
        },
      },
      {
        run: "refresh",
        options: { parallel: 1 },
        errors: /read refused[^]*update failed/,
        check: (_outcome, stack) => {
          assert.equal(stack.state("a")?.outputs?.["n"], 1);
          assert.equal(stack.state("b")?.outputs?.["n"], 7);
        },
      },
    ],
  ],
  [
    "refreshFirst does both in one operation",
    [
      { program: `new Thing("a", {});`, check: (_outcome, stack) => world(stack, "a", null) },
      { options: { refreshFirst: true }, steps: ["refresh a", "create a"], ledger: ["create a"] },
    ],
  ],
  [
    "a resource that others manage is read, and let go without being deleted",
    [
      {
        program: `class Found extends pulumi.dynamic.Resource { constructor(n, id) { super(provider, n, { ident: n, ledger, key: undefined }, { id }); } }
          new Found("f", "some-id");`,
        steps: ["read f"],
        check: (_outcome, stack) => {
          assert.equal(stack.state("f")?.external, true);
          assert.equal(stack.state("f")?.id, "some-id");
        },
      },
      { program: ``, steps: ["discard f"], ledger: [] },
    ],
  ],
  [
    "an import that the provider cannot carry out is refused",
    [
      {
        program: `new Thing("a", {}, { import: "a-k" });`,
        errors: /./,
        ledger: [],
      },
    ],
  ],
];

describeRows("operations", rows);
