import { describeRows } from "./support/describe-rows.ts";
import { preview, up } from "./support/row.ts";

describeRows("functions and methods", {
  "a function's result is used at preview too": {
    program: async ({ pulumi, Thing }) => {
      const echoed = (await pulumi.runtime.invoke("conf:index:echo", { value: [1, { x: "y" }] })) as Record<
        string,
        unknown
      >;
      new Thing("a", { blob: echoed["value"] });
      return { region: echoed["region"] };
    },
    settings: "config:\n  conf:region: there\n",
    run: [
      preview({ ledger: ["invoke echo"] }),
      up({ outputs: { region: "there" }, state: { a: { inputs: { n: 1, blob: [1, { x: "y" }] } } } }),
    ],
  },

  "a function that waits for a resource is not called before it is known": {
    program: ({ pulumi, Thing }) => {
      const a = new Thing("a");
      const echoed = pulumi.runtime.invokeOutput<{ value: string }>("conf:index:echo", { value: a.address });
      new Thing("b", { label: echoed.value });
    },
    run: [
      preview({ steps: ["create a", "create b"], ledger: [] }),
      up({
        ledger: ["create a", "invoke echo", "create b"],
        state: { a: {}, b: { dependencies: ["a"], inputs: { n: 1, label: "conf://here/a" } } },
      }),
    ],
  },

  "a function waits for what it depends on": {
    program: ({ pulumi, Thing }) => {
      const a = new Thing("a");
      const echoed = pulumi.runtime.invokeOutput<{ value: number }>(
        "conf:index:echo",
        { value: 5 },
        { dependsOn: [a] },
      );
      new Thing("b", { n: echoed.value });
    },
    run: [
      up({
        ledger: ["create a", "invoke echo", "create b"],
        state: { a: {}, b: { dependencies: ["a"], inputs: { n: 5 } } },
      }),
    ],
  },

  "a function is asked of the provider that is named": {
    program: ({ pulumi, Provider }) => {
      const provider = new Provider("p", { region: "there" });
      const echoed = pulumi.runtime.invokeOutput<{ region: string }>("conf:index:echo", {}, { provider });
      return { region: echoed.region };
    },
    run: [up({ outputs: { region: "there" } })],
  },

  "what the function was given in secret comes out secret": {
    program: ({ pulumi }) => {
      const echoed = pulumi.runtime.invokeOutput<{ value: string }>("conf:index:echo", { value: pulumi.secret("s") });
      return { value: echoed.value };
    },
    run: [up({ outputs: { value: "<secret>" } })],
  },

  "arguments that the function refuses fail the program": {
    program: async ({ pulumi }) => {
      await pulumi.runtime.invoke("conf:index:refuse", {});
    },
    run: [preview({ fails: /size is too large/ })],
  },

  "a method is called on the resource, once it is there": {
    program: ({ pulumi, Thing }) => {
      const a = new Thing("a", { n: 3 });
      const result = pulumi.runtime.call<{ result: number }>("conf:index:Thing/times", { __self__: a, by: 5 }, a);
      new Thing("b", { n: result.result });
    },
    run: [up({ ledger: ["create a", "create b"], state: { a: {}, b: { inputs: { n: 15 } } } })],
  },
});
