import { describeRows } from "./support/describe-rows.ts";
import { preview, up } from "./support/row.ts";

describeRows("deletion before replacement", {
  "the option deletes what is replaced before its replacement is created": {
    program: ({ Thing }, version) => {
      new Thing("a", { key: `k${version}` }, { deleteBeforeReplace: true });
    },
    run: [
      up(),
      preview({ version: 2, steps: ["delete-replaced a", "replace a", "create-replacement a"] }),
      up({
        steps: ["delete-replaced a", "replace a", "create-replacement a"],
        ledger: ["delete a", "create a"],
        state: { a: { id: "a", pendingReplacement: undefined } },
      }),
    ],
  },

  "a provider may ask for it": {
    program: ({ Thing }, version) => {
      new Thing("a", { key: `k${version}`, dbr: true });
    },
    run: [up(), up({ version: 2, ledger: ["delete a", "create a"] })],
  },

  "the option set to false overrules the provider": {
    program: ({ Thing }, version) => {
      new Thing("a", { key: `k${version}`, dbr: true }, { deleteBeforeReplace: false });
    },
    run: [up(), up({ version: 2, ledger: ["create a-2", "delete a"] })],
  },

  "a name that only one can have needs it": {
    program: ({ Thing }, version) => {
      new Thing("a", { key: `k${version}`, exclusive: true }, { deleteBeforeReplace: version === 3 });
    },
    run: [
      up(),
      up({ version: 2, fails: /there is a thing named a already/, ledger: [], state: { a: { id: "a" } } }),
      up({ version: 3, ledger: ["delete a", "create a"] }),
    ],
  },

  "dependants that would be replaced go first, and those that would be updated stay": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { key: `k${version}` }, { deleteBeforeReplace: true });
      new Thing("replaced", { key: a.address });
      new Thing("updated", { label: a.address });
    },
    run: [
      up(),
      up({
        version: 2,
        ledger: ["delete replaced", "delete a", "create a", ["create replaced"]],
        state: { a: {}, replaced: { dependencies: ["a"] }, updated: { id: "updated" } },
      }),
    ],
  },

  "a chain of dependants is deleted from its end and created from its beginning": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { key: `k${version}` }, { deleteBeforeReplace: true });
      const b = new Thing("b", { key: a.address });
      const c = new Thing("c", { key: b.address });
      new Thing("d", { label: c.address });
    },
    run: [
      up(),
      up({
        version: 2,
        ledger: ["delete c", "delete b", "delete a", "create a", "create b", "create c"],
      }),
    ],
  },

  "a replacement whose creation fails after the deletion is made up for by the next update": {
    program: ({ Thing }, version) => {
      new Thing(
        "a",
        { key: version === 1 ? "one" : "two", refuse: version === 2 ? "create" : undefined },
        { deleteBeforeReplace: true },
      );
    },
    run: [
      up(),
      up({ version: 2, fails: /create refused/, ledger: ["delete a"] }),
      up({ version: 3, ledger: ["create a"], state: { a: { id: "a", pendingReplacement: undefined } } }),
    ],
  },
});
