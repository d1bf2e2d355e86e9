import { describeRows } from "./support/describe-rows.ts";
import { destroy, up } from "./support/row.ts";

describeRows("components and parents", {
  "a component is recorded with its outputs, and its children below it": {
    program: ({ Thing, Group }) => {
      const g = new Group("g");
      const a = new Thing("a", { n: 2 }, { parent: g });
      g.done({ twice: a.twice });
    },
    run: [
      up({
        steps: ["create g", "create a"],
        state: {
          g: { custom: false, id: undefined, parent: "stack", outputs: { twice: 4 } },
          a: { parent: "g", urn: "urn:pulumi:dev::conf-project::conf:index:Group$conf:index:Thing::a" },
        },
      }),
      destroy({ steps: ["delete a", "delete g"], ledger: ["delete a"], state: {} }),
    ],
  },

  "the type of each parent is part of a URN, the stack's is not": {
    program: ({ Thing, Group }) => {
      const inner = new Group("inner", { parent: new Group("outer", {}, "conf:index:Outer") });
      new Thing("a", {}, { parent: inner });
    },
    run: [
      up({
        state: {
          outer: { urn: "urn:pulumi:dev::conf-project::conf:index:Outer::outer" },
          inner: { urn: "urn:pulumi:dev::conf-project::conf:index:Outer$conf:index:Group::inner" },
          a: { urn: "urn:pulumi:dev::conf-project::conf:index:Outer$conf:index:Group$conf:index:Thing::a" },
        },
      }),
    ],
  },

  "what depends on a component depends on its children": {
    program: ({ Thing, Group }) => {
      const g = new Group("g");
      const inner = new Group("inner", { parent: g });
      new Thing("a", {}, { parent: inner });
      new Thing("b", {}, { dependsOn: g });
    },
    run: [
      up({ ledger: ["create a", "create b"], state: { g: {}, inner: {}, a: {}, b: { dependencies: ["a"] } } }),
      destroy({ ledger: ["delete b", "delete a"] }),
    ],
  },

  "children inherit protection, and may refuse it": {
    program: ({ Thing, Group }) => {
      const g = new Group("g", { protect: true });
      new Thing("a", {}, { parent: g });
      new Thing("b", {}, { parent: g, protect: false });
    },
    run: [up({ state: { g: { protect: true }, a: { protect: true }, b: { protect: undefined } } })],
  },

  "children inherit retainOnDelete": {
    program: ({ Thing, Group }) => {
      const g = new Group("g", { retainOnDelete: true });
      new Thing("a", {}, { parent: g });
    },
    run: [up({ state: { g: { retainOnDelete: true }, a: { retainOnDelete: true } } }), destroy({ ledger: [] })],
  },

  "children inherit deletedWith": {
    program: ({ Thing, Group }) => {
      const a = new Thing("a");
      const g = new Group("g", { deletedWith: a });
      new Thing("b", {}, { parent: g });
    },
    run: [
      up({ state: { a: {}, g: { deletedWith: "a" }, b: { deletedWith: "a" } } }),
      destroy({ ledger: ["delete a"] }),
    ],
  },

  "a resource may be the parent of another": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      new Thing("b", {}, { parent: a });
    },
    run: [
      up({ ledger: ["create a", "create b"], state: { a: {}, b: { parent: "a" } } }),
      destroy({ ledger: ["delete b", "delete a"] }),
    ],
  },

  "a component's outputs are updated when they change, without a step of their own": {
    program: ({ Thing, Group }, version) => {
      const g = new Group("g");
      const a = new Thing("a", { n: version }, { parent: g });
      g.done({ twice: a.twice, version });
    },
    run: [
      up(),
      up({ version: 2, steps: ["same g", "update a"], state: { a: {}, g: { outputs: { twice: 4, version: 2 } } } }),
    ],
  },

  "a component whose parent is replaced stays": {
    program: ({ Thing, Group }, version) => {
      const a = new Thing("a", { key: `k${version}` });
      new Group("g", { parent: a });
    },
    run: [
      up(),
      up({
        version: 2,
        steps: ["create-replacement a", "replace a", "same g", "delete-replaced a"],
        state: { a: { id: "a-2" }, g: {} },
      }),
    ],
  },
});
