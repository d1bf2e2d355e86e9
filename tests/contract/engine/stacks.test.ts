import assert from "node:assert/strict";
import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, pulumi, up } from "./support/row.ts";

describeRows("stacks and their outputs", {
  "outputs of every kind": {
    program: ({ Thing, pulumi }) => {
      const a = new Thing("a", { blob: { list: [1, "x", true, null], deep: { empty: [], nothing: {} } } });
      return {
        blob: a.blob,
        text: pulumi.interpolate`<${a.id}>`,
        all: pulumi.all([a.twice, a.address]),
        plain: { number: 1.5, negative: -3, yes: true, none: null },
        missing: undefined,
      };
    },
    run: [
      up({
        outputs: {
          blob: { list: [1, "x", true, null], deep: { empty: [], nothing: {} } },
          text: "<a>",
          all: [2, "conf://here/a"],
          plain: { number: 1.5, negative: -3, yes: true, none: null },
        },
      }),
      pulumi("stack output text", { check: ({ stdout }) => assert.equal(stdout, "<a>\n") }),
      pulumi("stack output nothing", { fails: /nothing/ }),
    ],
  },

  "an output that the program gave up is gone": {
    program: (_, version) => (version === 1 ? { a: 1, b: 2 } : { b: 3 }),
    run: [up({ outputs: { a: 1, b: 2 } }), up({ version: 2, outputs: { b: 3 } })],
  },

  "a stack reads another's outputs; secrets stay secret": {
    program: ({ pulumi }, version) => {
      if (version === 1) return { shown: { n: 1 }, hidden: pulumi.secret("x") };
      const other = new pulumi.StackReference("organization/conf-project/dev");
      return { shown: other.getOutput("shown"), hidden: other.requireOutput("hidden"), none: other.getOutput("none") };
    },
    run: [
      up(),
      pulumi("stack init other"),
      up({ version: 2, flags: ["--stack", "other"] }),
      pulumi("stack output --json --stack other", {
        check: ({ stdout }) => assert.deepEqual(JSON.parse(stdout), { shown: { n: 1 }, hidden: "[secret]" }),
      }),
    ],
  },

  "a stack that is not there cannot be read": {
    program: ({ pulumi }) => ({ got: new pulumi.StackReference("organization/conf-project/nothere").getOutput("x") }),
    run: [preview({ fails: /nothere/ })],
  },

  "an exported state may be imported, and nothing has changed": {
    program: ({ Thing, pulumi }) => {
      const a = new Thing("a", { label: pulumi.secret("hidden") });
      new Thing("b", { n: a.twice });
    },
    run: [
      up(),
      pulumi("stack export --file ../exported.json", { check: ({ stdout }) => assert.equal(stdout.trim(), "") }),
      destroy({ state: {} }),
      pulumi("stack import --file ../exported.json", {
        state: { a: { id: "a", inputs: { n: 1, label: "<secret>" } }, b: { id: "b" } },
      }),
      preview({ flags: ["--expect-no-changes"] }),
    ],
  },

  "a stack that holds something is not removed": {
    program: ({ Thing }) => {
      new Thing("a");
    },
    run: [up(), pulumi("stack rm dev --yes", { fails: /still has resources|holds/ })],
  },

  "values of the configuration have the types that they look like": {
    program: ({ config }) => ({
      number: config.requireNumber("number"),
      yes: config.requireBoolean("yes"),
      text: config.require("text"),
      object: config.requireObject("object"),
    }),
    settings: [
      "config:",
      "  conf-project:number: 5",
      "  conf-project:yes: true",
      '  conf-project:text: "007"',
      "  conf-project:object: { list: [1, two], deep: { flag: false } }",
      "",
    ].join("\n"),
    run: [
      up({
        outputs: { number: 5, yes: true, text: "007", object: { list: [1, "two"], deep: { flag: false } } },
      }),
    ],
  },

  "`config set --path` builds lists and objects, and the program reads them": {
    program: ({ config }) => ({ object: config.requireObject("object") }),
    run: [
      pulumi("config set --path object.list[0] x"),
      pulumi("config set --path object.deep.flag true"),
      up({ outputs: { object: { list: ["x"], deep: { flag: true } } } }),
    ],
  },

  "a value that is required and missing fails the program": {
    program: ({ config }) => ({ missing: config.require("missing") }),
    run: [preview({ fails: /Missing required configuration variable 'conf-project:missing'/ })],
  },

  "a program knows its project, stack and organization": {
    program: ({ pulumi }) => ({
      project: pulumi.getProject(),
      stack: pulumi.getStack(),
      organization: pulumi.getOrganization(),
    }),
    run: [up({ outputs: { project: "conf-project", stack: "dev", organization: "organization" } })],
  },
});
