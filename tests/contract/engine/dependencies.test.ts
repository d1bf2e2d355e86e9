import { describeRows } from "./support/describe-rows.ts";
import { destroy, up } from "./support/row.ts";

describeRows("dependencies", {
  "each property is recorded with the resources that it comes from": {
    program: ({ Thing, pulumi }) => {
      const a = new Thing("a");
      const b = new Thing("b");
      new Thing("c", {
        n: a.twice,
        label: pulumi.interpolate`${a.address} and ${b.address}`,
        blob: { deep: [{ b: b.twice }] },
        key: "constant",
      });
    },
    run: [
      up({
        state: {
          a: {},
          b: {},
          c: {
            dependencies: ["a", "b"],
            propertyDependencies: { n: ["a"], label: ["a", "b"], blob: ["b"], key: [] },
          },
        },
      }),
    ],
  },

  "dependsOn orders what shares no property": {
    program: ({ Thing, pulumi }) => {
      const a = new Thing("a");
      const b = new Thing("b", {}, { dependsOn: a });
      new Thing("c", {}, { dependsOn: pulumi.output([a, b]) });
    },
    run: [
      up({
        ledger: ["create a", "create b", "create c"],
        state: { a: {}, b: { dependencies: ["a"] }, c: { dependencies: ["a", "b"] } },
      }),
      destroy({ ledger: ["delete c", "delete b", "delete a"] }),
    ],
  },

  "a dependency that the program gave up is forgotten": {
    program: ({ Thing }, version) => {
      const a = new Thing("a");
      new Thing("b", {}, version === 1 ? { dependsOn: a } : {});
    },
    run: [
      up({ state: { a: {}, b: { dependencies: ["a"] } } }),
      up({ version: 2, steps: [["same a", "same b"]], state: { a: {}, b: { dependencies: undefined } } }),
    ],
  },

  "what is deleted goes after what needed it, though that needs it no longer": {
    program: ({ Thing }, version) => {
      if (version === 1) {
        const a = new Thing("a");
        new Thing("b", { label: a.address });
      } else new Thing("b", { label: "none" });
    },
    run: [up(), up({ version: 2, ledger: ["update b", "delete a"], state: { b: { dependencies: undefined } } })],
  },

  "a dependency through a value that depends on another resource's condition": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      const later = a.twice.apply((twice) => (twice > 1 ? "large" : "small"));
      new Thing("b", { label: later });
    },
    run: [up({ state: { a: {}, b: { dependencies: ["a"], inputs: { n: 1, label: "large" } } } })],
  },

  "dependencies come before their dependants in state": {
    program: ({ Thing }) => {
      const a = new Thing("a");
      const b = new Thing("b", { n: a.twice });
      new Thing("c", { n: b.twice });
    },
    run: [
      up({
        check: ({ state }) => {
          if (state.order.join() !== "a,b,c") throw new Error(`the order in state is ${state.order.join()}`);
        },
      }),
    ],
  },

  "independent resources are created side by side": {
    program: ({ Thing }) => {
      for (const name of ["a", "b", "c"]) new Thing(name, { meet: 3 });
    },
    run: [up({ ledger: [["create a", "create b", "create c"]] })],
  },

  "--parallel 1 does one thing at a time": {
    program: ({ Thing }) => {
      for (let count = 0; count < 8; count += 1) new Thing(`t${count}`);
    },
    run: [
      up({
        flags: ["--parallel", "1"],
        check: ({ events }) => {
          let running = 0;
          for (const event of events) {
            if (event.resourcePreEvent?.metadata.type === "conf:index:Thing") running += 1;
            if (event.resOutputsEvent?.metadata.type === "conf:index:Thing") running -= 1;
            if (running > 1) throw new Error("two steps ran at once");
          }
        },
      }),
    ],
  },
});
