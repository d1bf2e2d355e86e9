import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, up } from "./support/row.ts";

describeRows("creating, updating and deleting", {
  "a resource is created when what it needs exists, and is given its outputs": {
    program: ({ Thing }) => {
      const a = new Thing("a", { n: 3 });
      const b = new Thing("b", { n: a.twice });
      const c = new Thing("c", { n: b.twice, label: a.address });
      return { c: c.twice, label: c.upper };
    },
    run: [
      up({
        steps: ["create a", "create b", "create c"],
        ledger: ["create a", "create b", "create c"],
        outputs: { c: 24, label: "CONF://HERE/A" },
        state: {
          a: { id: "a", type: "conf:index:Thing", parent: "stack", custom: true, dependencies: undefined },
          b: { dependencies: ["a"] },
          c: { dependencies: ["a", "b"] },
        },
      }),
      destroy({ steps: ["delete c", "delete b", "delete a"], ledger: ["delete c", "delete b", "delete a"], state: {} }),
    ],
  },

  "a program that asks for nothing new changes nothing": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      new Thing("b", { n: a.twice });
    },
    run: [up(), up({ flags: ["--expect-no-changes"], steps: ["same a", "same b"], ledger: [] })],
  },

  "--expect-no-changes fails where there is a change": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version });
    },
    run: [
      up(),
      preview({ version: 2, flags: ["--expect-no-changes"], fails: /no changes were expected/ }),
      up({ flags: ["--expect-no-changes"], fails: /no changes were expected/, ledger: ["update a"] }),
    ],
  },

  "a change updates the resource in place, and its dependants only as far as they change": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { n: version });
      new Thing("b", { n: a.twice });
      new Thing("c", { label: a.address });
    },
    run: [
      up(),
      up({
        version: 2,
        steps: ["update a", ["update b", "same c"]],
        ledger: ["update a", "update b"],
        state: { a: { inputs: { n: 2 } }, b: { inputs: { n: 4 } }, c: {} },
      }),
    ],
  },

  "what the program has no longer is deleted after everything else, dependants first": {
    program: ({ Thing }, version) => {
      const a = new Thing("a", { n: version });
      if (version > 1) return;
      const b = new Thing("b", { n: a.twice });
      const c = new Thing("c", { n: b.twice });
      new Thing("d", {}, { dependsOn: [c] });
    },
    run: [
      up({ ledger: ["create a", "create b", "create c", "create d"] }),
      up({
        version: 2,
        steps: ["update a", "delete d", "delete c", "delete b"],
        ledger: ["update a", "delete d", "delete c", "delete b"],
        state: { a: {} },
      }),
    ],
  },

  "inputs are recorded as the provider's check answers them": {
    program: ({ Thing }) => {
      new Thing("a", { label: "l" });
    },
    run: [up({ state: { a: { inputs: { n: 1, label: "l" } } } })],
  },

  "inputs whose change is no difference to the provider are recorded all the same": {
    program: ({ Thing }, version) => {
      new Thing("a", { exclusive: version === 2 });
    },
    run: [
      up({ state: { a: { inputs: { n: 1, exclusive: false } } } }),
      up({ version: 2, steps: ["same a"], ledger: [], state: { a: { inputs: { n: 1, exclusive: true } } } }),
    ],
  },

  "inputs that the provider refuses stop the update before anything is done": {
    program: ({ Thing }) => {
      new Thing("a", { n: -1 });
    },
    run: [preview({ fails: /n must not be negative/ }), up({ fails: /n must not be negative/, ledger: [], state: {} })],
  },

  "two resources of one name and type are refused": {
    program: ({ Thing }) => {
      new Thing("a");
      new Thing("a", { n: 2 });
    },
    run: [preview({ fails: /Duplicate resource URN/ }), up({ fails: /Duplicate resource URN/ })],
  },

  "custom timeouts reach the provider and are recorded": {
    program: ({ Thing }, version) => {
      new Thing("a", { n: version }, { customTimeouts: { create: "2m", update: "30s", delete: "1h" } });
    },
    run: [
      up({
        ledger: ["create a within 120 s"],
        state: { a: { customTimeouts: { create: 120, update: 30, delete: 3600 } } },
      }),
      up({ version: 2, ledger: ["update a within 30 s"] }),
      destroy({ ledger: ["delete a within 3600 s"] }),
    ],
  },

  "a dynamic resource is created, updated and deleted by the program's own code": {
    program: ({ Dynamic }, version) => ({ twice: new Dynamic("a", { n: version }).twice }),
    run: [
      up({ steps: ["create a"], ledger: ["create a"], outputs: { twice: 2 } }),
      up({ version: 2, steps: ["update a"], ledger: ["update a"], outputs: { twice: 4 } }),
      destroy({ ledger: ["delete a"] }),
    ],
  },
});
