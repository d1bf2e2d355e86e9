import { describeRows } from "./support/describe-rows.ts";
import { up } from "./support/row.ts";

describeRows("aliases", {
  "a resource of another name is the same one": {
    program: ({ Thing }, version) => {
      if (version === 1) new Thing("a");
      else new Thing("b", {}, { aliases: [{ name: "a" }] });
    },
    run: [up(), up({ version: 2, steps: ["same b"], ledger: [], state: { b: { id: "a" } } })],
  },

  "a resource of another type is the same one": {
    program: ({ Thing, OtherThing }, version) => {
      if (version === 1) new Thing("a");
      else new OtherThing("a", {}, { aliases: [{ type: "conf:index:Thing" }] });
    },
    run: [up(), up({ version: 2, steps: ["same a"], ledger: [], state: { a: { id: "a", type: "conf:other:Thing" } } })],
  },

  "an alias may be a whole URN": {
    program: ({ Thing }, version) => {
      if (version === 1) new Thing("a");
      else new Thing("b", { n: 2 }, { aliases: ["urn:pulumi:dev::conf-project::conf:index:Thing::a"] });
    },
    run: [up(), up({ version: 2, steps: ["update b"], ledger: ["update a"] })],
  },

  "a resource that moves into a component is found where it was": {
    program: ({ Thing, Group, pulumi }, version) => {
      if (version === 1) new Thing("a");
      else new Thing("a", {}, { parent: new Group("g"), aliases: [{ parent: pulumi.rootStackResource }] });
    },
    run: [
      up(),
      up({ version: 2, steps: ["create g", "same a"], ledger: [], state: { g: {}, a: { id: "a", parent: "g" } } }),
    ],
  },

  "a resource that moves out of a component is found there": {
    program: ({ Thing, Group }, version) => {
      const g = new Group("g");
      if (version === 1) new Thing("a", {}, { parent: g });
      else new Thing("a", {}, { aliases: [{ parent: g }] });
    },
    run: [up(), up({ version: 2, steps: ["same g", "same a"], ledger: [], state: { g: {}, a: { parent: "stack" } } })],
  },

  "children follow a component of another name": {
    program: ({ Thing, Group }, version) => {
      const g = version === 1 ? new Group("g") : new Group("h", { aliases: [{ name: "g" }] });
      new Thing(version === 1 ? "g-a" : "h-a", {}, { parent: g });
      new Thing("b", {}, { parent: g });
    },
    run: [
      up(),
      up({
        version: 2,
        steps: ["same h", ["same h-a", "same b"]],
        ledger: [],
        state: { h: {}, "h-a": { id: "g-a" }, b: { id: "b" } },
      }),
    ],
  },

  "children follow a component of another type": {
    program: ({ Thing, Group }, version) => {
      const g =
        version === 1
          ? new Group("g")
          : new Group("g", { aliases: [{ type: "conf:index:Group" }] }, "conf:index:Renamed");
      new Thing("a", {}, { parent: g });
    },
    run: [up(), up({ version: 2, steps: ["same g", "same a"], ledger: [], state: { g: {}, a: { id: "a" } } })],
  },

  "names may change again and again": {
    program: ({ Thing }, version) => {
      if (version === 1) new Thing("a");
      if (version === 2) new Thing("b", {}, { aliases: [{ name: "a" }] });
      if (version === 3) new Thing("c", {}, { aliases: [{ name: "b" }, { name: "a" }] });
    },
    run: [
      up(),
      up({ version: 2, ledger: [] }),
      up({ version: 3, steps: ["same c"], ledger: [], state: { c: { id: "a" } } }),
    ],
  },

  "dependants are recorded with the new name": {
    program: ({ Thing }, version) => {
      const a = version === 1 ? new Thing("a") : new Thing("b", {}, { aliases: [{ name: "a" }] });
      new Thing("c", { label: a.address });
    },
    run: [
      up(),
      up({
        version: 2,
        steps: ["same b", "same c"],
        state: { b: {}, c: { dependencies: ["b"], propertyDependencies: { label: ["b"] } } },
      }),
    ],
  },
});
