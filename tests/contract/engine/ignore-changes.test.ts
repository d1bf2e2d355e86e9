import { describeRows } from "./support/describe-rows.ts";
import { up } from "./support/row.ts";

describeRows("ignoreChanges", {
  "a property that is ignored keeps the value that it was created with": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version, label: "same" }, { ignoreChanges: ["n"] });
    },
    run: [
      up({ state: { a: { inputs: { n: 1, label: "same" }, ignoreChanges: ["n"] } } }),
      up({ version: 2, steps: ["same a"], ledger: [], state: { a: { inputs: { n: 1, label: "same" } } } }),
    ],
  },

  "other properties are changed beside it": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version, label: `l${version}` }, { ignoreChanges: ["n"] });
    },
    run: [up(), up({ version: 2, ledger: ["update a"], state: { a: { inputs: { n: 1, label: "l2" } } } })],
  },

  "a path names a part of a property, down to the element of a list": {
    program: ({ Thing }, version) => {
      const blob = { kept: { x: version }, list: [{ y: version }, { y: version }] };
      new Thing("a", { blob }, { ignoreChanges: ["blob.kept.x", "blob.list[0].y"] });
    },
    run: [
      up(),
      up({
        version: 2,
        steps: ["update a"],
        state: { a: { inputs: { n: 1, blob: { kept: { x: 1 }, list: [{ y: 1 }, { y: 2 }] } } } },
      }),
    ],
  },

  "a wildcard stands for every key or element": {
    program: ({ Thing }, version) => {
      const blob = { tags: { one: version, two: version }, list: [{ y: version }, { y: version }] };
      new Thing("a", { blob }, { ignoreChanges: ["blob.tags.*", "blob.list[*].y"] });
    },
    run: [up(), up({ version: 2, steps: ["same a"], ledger: [] })],
  },

  "what is ignored cannot replace the resource": {
    program: ({ Thing }, version) => {
      new Thing("a", { key: `k${version}` }, { ignoreChanges: ["key"] });
    },
    run: [up(), up({ version: 2, steps: ["same a"], ledger: [] })],
  },

  "it holds for what is there: a new resource takes its inputs": {
    program: ({ Thing }) => {
      new Thing("a", { n: 7 }, { ignoreChanges: ["n"] });
    },
    run: [up({ state: { a: { inputs: { n: 7 } } } })],
  },

  "a property that the program has no longer stays when it is ignored": {
    program: ({ Thing }, version) => {
      new Thing("a", version === 1 ? { label: "kept" } : {}, { ignoreChanges: ["label"] });
    },
    run: [up(), up({ version: 2, steps: ["same a"], state: { a: { inputs: { n: 1, label: "kept" } } } })],
  },
});
