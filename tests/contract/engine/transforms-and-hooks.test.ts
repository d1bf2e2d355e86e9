import type { ResourceTransform } from "@pulumi/pulumi";
import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, up } from "./support/row.ts";

describeRows("transforms and hooks", {
  "a resource's own transform changes its properties and options": {
    program: ({ Thing, pulumi }) => {
      new Thing(
        "a",
        { n: 1 },
        {
          transforms: [
            ({ props, opts }) => ({ props: { ...props, n: 7 }, opts: pulumi.mergeOptions(opts, { protect: true }) }),
          ],
        },
      );
    },
    run: [up({ state: { a: { inputs: { n: 7 }, protect: true } } })],
  },

  "transforms of the resource come first, then its parents', then the stack's": {
    program: ({ Thing, Group, pulumi }) => {
      const append =
        (text: string): ResourceTransform =>
        ({ type, props, opts }) =>
          type === "conf:index:Thing"
            ? { props: { ...props, label: `${String(props["label"])}${text}` }, opts }
            : undefined;
      pulumi.runtime.registerResourceTransform(append(" stack"));
      const group = new Group("g", { transforms: [append(" parent")] });
      new Thing("a", { label: "own:" }, { parent: group, transforms: [append(" resource")] });
      new Thing("b", { label: "own:" });
    },
    run: [
      up({
        state: {
          g: {},
          a: { inputs: { n: 1, label: "own: resource parent stack" } },
          b: { inputs: { n: 1, label: "own: stack" } },
        },
      }),
    ],
  },

  "a transform may add dependencies": {
    program: ({ Thing, pulumi }) => {
      const a = new Thing("a");
      new Thing(
        "b",
        {},
        {
          transforms: [({ props, opts }) => ({ props, opts: pulumi.mergeOptions(opts, { dependsOn: a }) })],
        },
      );
    },
    run: [up({ ledger: ["create a", "create b"], state: { a: {}, b: { dependencies: ["a"] } } })],
  },

  "a transform that throws fails the update": {
    program: ({ Thing }) => {
      new Thing(
        "a",
        {},
        {
          transforms: [
            () => {
              throw new Error("not like this");
            },
          ],
        },
      );
    },
    run: [up({ fails: /not like this/, ledger: [], state: {} })],
  },

  "hooks run before and after what they are bound to, and not at preview": {
    program: ({ Thing, pulumi, note }, version) => {
      const hook = (name: string) => new pulumi.ResourceHook(name, ({ name: of }) => note(`${name} ${of}`));
      if (version === 3) return;
      new Thing(
        "a",
        { n: version },
        {
          hooks: {
            beforeCreate: [hook("beforeCreate")],
            afterCreate: [hook("afterCreate")],
            beforeUpdate: [hook("beforeUpdate")],
            afterUpdate: [hook("afterUpdate")],
          },
        },
      );
    },
    run: [
      preview({ ledger: [] }),
      up({ ledger: ["beforeCreate a", "create a", "afterCreate a"] }),
      up({ version: 2, ledger: ["beforeUpdate a", "update a", "afterUpdate a"] }),
      up({ version: 3, ledger: ["delete a"] }),
    ],
  },

  "a hook is told the inputs and outputs, old and new": {
    program: ({ Thing, pulumi, note }, version) => {
      const hook = new pulumi.ResourceHook("told", ({ oldInputs, newInputs, oldOutputs, newOutputs }) => {
        note(JSON.stringify([oldInputs?.["n"], newInputs?.["n"], oldOutputs?.["twice"], newOutputs?.["twice"]]));
      });
      new Thing("a", { n: version }, { hooks: { afterCreate: [hook], afterUpdate: [hook] } });
    },
    run: [up({ ledger: ["create a", "[null,1,null,2]"] }), up({ version: 2, ledger: ["update a", "[1,2,2,4]"] })],
  },

  "a hook that throws before the creation prevents it": {
    program: ({ Thing, pulumi }) => {
      const hook = new pulumi.ResourceHook("no", () => {
        throw new Error("not today");
      });
      new Thing("a", {}, { hooks: { beforeCreate: [hook] } });
    },
    run: [up({ fails: /not today/, ledger: [], state: {} })],
  },

  "a hook that throws after the creation fails the update; the resource is there": {
    program: ({ Thing, pulumi }) => {
      const hook = new pulumi.ResourceHook("no", () => {
        throw new Error("not today");
      });
      const a = new Thing("a", {}, { hooks: { afterCreate: [hook] } });
      new Thing("b", { n: a.twice });
    },
    run: [up({ fails: /not today/, ledger: ["create a"], state: { a: { id: "a" } } })],
  },

  "hooks of a deletion need the program that has them": {
    program: ({ Thing, pulumi, note }) => {
      const hook = new pulumi.ResourceHook("told", ({ name }) => note(`beforeDelete ${name}`));
      new Thing("a", {}, { hooks: { beforeDelete: [hook] } });
    },
    run: [up(), destroy({ fails: /--run-program/, ledger: [], state: { a: {} } })],
  },
});
