import assert from "node:assert/strict";
import { describeRows } from "./support/rows.ts";
import type { Row } from "./support/rows.ts";

const replaceable = (options: string) => (key: string) => `const a = new Thing("a", { key: "${key}" }${options});`;
const dbr = replaceable(", { deleteBeforeReplace: true }");

const rows: Row[] = [
  [
    "retainOnDelete leaves the resource where it is",
    [
      { program: `new Thing("a", {}, { retainOnDelete: true });`, ledger: ["create a"] },
      { program: ``, steps: ["delete a"], ledger: [] },
    ],
  ],
  [
    "deletedWith skips the delete of what goes with another",
    [
      {
        program: `const a = new Thing("a", {}); new Thing("b", {}, { deletedWith: a });`,
        ledger: ["create a", "create b"],
        check: (_outcome, stack) => assert.equal(stack.state("b")?.deletedWith, stack.state("a")?.urn),
      },
      { run: "destroy", ledger: ["delete a"] },
    ],
  ],
  [
    "replaceOnChanges makes an update a replacement, and needs the engine's own diff to name the property",
    [
      { program: `new Thing("a", { n: 1 });` },
      {
        program: `new Thing("a", { n: 2 }, { replaceOnChanges: ["*"] });`,
        steps: ["update a"],
        ledger: ["update a"],
      },
    ],
  ],
  [
    "a replacement is created first, and the old one deleted last",
    [
      { program: replaceable("")("one") + `new Thing("b", { label: a.id });` },
      {
        program: replaceable("")("two") + `new Thing("b", { label: a.id });`,
        steps: ["create-replacement a", "replace a", "update b", "delete-replaced a"],
        ledger: ["create a", "update b", "delete a"],
      },
    ],
  ],
  [
    "deleteBeforeReplace takes along what would be replaced with it, and only that",
    [
      { program: dbr("one") + `new Thing("b", { label: a.id }); new Thing("c", { key: a.id });` },
      {
        program: dbr("two") + `new Thing("b", { label: a.id }); new Thing("c", { key: a.id });`,
        check: ({ ledger }) => {
          assert.deepEqual(ledger.slice(0, 3), ["delete c", "delete a", "create a"]);
          assert.deepEqual(ledger.slice(3).sort(), ["create c", "update b"]);
        },
      },
    ],
  ],
  [
    "a provider may ask for deletion before replacement by itself",
    [
      { program: `new Thing("a", { key: "one", dbr: true });` },
      { program: `new Thing("a", { key: "two", dbr: true });`, ledger: ["delete a", "create a"] },
    ],
  ],
  [
    "ignoreChanges with a path and a glob keeps the old values",
    [
      { program: `new Thing("a", { blob: { x: 1, list: [1, 2] } });` },
      {
        program: `new Thing("a", { blob: { x: 2, list: [3, 4] } }, { ignoreChanges: ["blob.x", "blob.list[*]"] });`,
        steps: ["same a"],
        check: (_outcome, stack) => assert.deepEqual(stack.state("a")?.inputs?.["blob"], { x: 1, list: [1, 2] }),
      },
    ],
  ],
  [
    "a protected resource is neither deleted nor replaced",
    [
      { program: `new Thing("a", { key: "one" }, { protect: true });` },
      {
        program: `new Thing("a", { key: "two" }, { protect: true });`,
        errors: /unable to replace resource/,
        ledger: [],
      },
      { program: ``, errors: /cannot be deleted\nbecause it is protected/, ledger: [] },
      { program: `new Thing("a", { key: "one" });`, steps: ["same a"] },
      { program: ``, ledger: ["delete a"] },
    ],
  ],
];

describeRows("options of what is replaced and deleted", rows);
