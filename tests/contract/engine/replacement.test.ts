import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, up, urn } from "./support/row.ts";

describeRows("replacement", {
  "what replaces is created first, then come the dependants, and what is replaced goes last": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { key: `k${version}` });
      new Thing("b", { label: a.address });
    },
    run: [
      up({ ledger: ["create a", "create b"] }),
      preview({
        version: 2,
        steps: ["create-replacement a", "replace a", "update b", "delete-replaced a"],
        ledger: [],
      }),
      up({
        steps: ["create-replacement a", "replace a", "update b", "delete-replaced a"],
        ledger: ["create a-2", "update b", "delete a"],
        state: { a: { id: "a-2" }, b: { id: "b", dependencies: ["a"] } },
      }),
      destroy({ ledger: ["delete b", "delete a-2"] }),
    ],
  },

  "replaceOnChanges makes a change of that property a replacement, and of no other": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version, label: "l" }, { replaceOnChanges: ["n"] });
      new Thing("b", { n: 1, label: `l${version}` }, { replaceOnChanges: ["n"] });
    },
    run: [up(), up({ version: 2, ledger: [["create a-2", "update b", "delete a"]] })],
  },

  "replaceOnChanges reaches into lists and objects, with wildcards": {
    program: ({ Thing }, version) => {
      const blob = {
        list: [
          { x: 1, y: version },
          { x: version, y: 1 },
        ],
      };
      new Thing("a", { blob }, { replaceOnChanges: ["blob.list[*].x"] });
      new Thing("b", { blob }, { replaceOnChanges: ["blob.list[0].x"] });
    },
    run: [
      up(),
      up({
        version: 2,
        steps: [["create-replacement a", "replace a", "update b", "delete-replaced a"]],
      }),
    ],
  },

  "--replace replaces a resource that did not change, and updates its dependants as they change": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      new Thing("b", { label: a.address });
      new Thing("c");
    },
    run: [
      up(),
      up({
        flags: ["--replace", urn("a")],
        ledger: ["create a-2", "update b", "delete a"],
        state: { a: { id: "a-2" }, b: { id: "b" }, c: { id: "c" } },
      }),
    ],
  },

  "replaceWith replaces a resource along with another": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { key: `k${version}` });
      new Thing("b", {}, { replaceWith: [a] });
    },
    run: [
      up(),
      up({
        version: 2,
        steps: [
          "create-replacement a",
          "replace a",
          "create-replacement b",
          "replace b",
          ["delete-replaced b", "delete-replaced a"],
        ],
        state: { a: { id: "a-2" }, b: { id: "b-2" } },
      }),
    ],
  },

  "a replacement trigger that changes replaces the resource": {
    program: ({ Thing }, version) => {
      new Thing("a", {}, { replacementTrigger: version < 3 ? "first" : "second" });
    },
    run: [
      up(),
      up({ version: 2, steps: ["same a"] }),
      up({ version: 3, steps: ["create-replacement a", "replace a", "delete-replaced a"] }),
    ],
  },

  "a deletion of what was replaced that fails is tried again by the next update": {
    program: ({ Thing }, version) => {
      new Thing("a", { key: version === 1 ? "one" : "two", refuse: version === 1 ? "delete" : undefined });
    },
    run: [
      up(),
      up({
        version: 2,
        fails: /delete refused/,
        ledger: ["create a-2"],
        state: { a: { id: "a-2" }, "a (to be deleted)": { id: "a", delete: true } },
      }),
      up({ fails: /delete refused/, steps: ["same a", "delete-replaced a"], ledger: [] }),
    ],
  },
});
