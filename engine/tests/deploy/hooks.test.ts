import assert from "node:assert/strict";
import { describeRows } from "./support/rows.ts";
import type { Row } from "./support/rows.ts";

/** `log(name)`: a hook that writes its name, and of its arguments what `show` picks, into the ledger. */
const LOG = `
  const log = (name, show = () => "") => new pulumi.ResourceHook(name, (args) =>
    fs.appendFileSync(ledger, (name + " " + args.name + " " + show(args)).trim() + "\\n"));
`;
/** Fails as often as the file says. */
const FLAKY = `
  const flaky = {
    async create(i) {
      const fs = require("node:fs");
      const left = Number(fs.readFileSync(i.failures, "utf8"));
      fs.writeFileSync(i.failures, String(left - 1));
      fs.appendFileSync(i.ledger, "try\\n");
      if (left > 0) throw new Error("not yet " + left);
      return { id: "f", outs: i };
    },
  };
  class Flaky extends pulumi.dynamic.Resource {
    constructor(name, failures, opts) {
      fs.writeFileSync(__dirname + "/failures", String(failures));
      super(flaky, name, { ledger, failures: __dirname + "/failures" }, opts);
    }
  }
  const again = (times) => new pulumi.ErrorHook("again", (args) => {
    fs.appendFileSync(ledger, args.failedOperation + " " + args.name + " failed: " + args.errors.join(", ") + "\\n");
    return args.errors.length <= times;
  });
`;

const rows: Row[] = [
  [
    "error hooks decide whether what failed is tried again, and see all that went wrong",
    [
      {
        program: `${FLAKY} new Flaky("f", 2, { hooks: { onError: [again(5)] } });`,
        ledger: ["try", "create f failed: not yet 2", "try", "create f failed: not yet 1, not yet 2", "try"],
        check: ({ events }, stack) => {
          assert.match(JSON.stringify(events), /retrying create due to on-error hook request \(2\/100\)/);
          assert.deepEqual(stack.state("f")?.extra?.["resourceHooks"], { OnError: ["again"] });
        },
      },
    ],
  ],
  [
    "an error hook that says no leaves the error as it is, and one that throws is an error itself",
    [
      {
        program: `${FLAKY} new Flaky("f", 2, { hooks: { onError: [again(0)] } });`,
        errors: /not yet 2/,
        ledger: ["try", "create f failed: not yet 2"],
      },
      {
        program: `${FLAKY} new Flaky("f", 1, { hooks: { onError: [new pulumi.ErrorHook("bad", () => { throw new Error("hook broke"); })] } });`,
        errors: /error hooks execution failed: error hook "bad" failed: hook broke/,
        ledger: ["try"],
      },
    ],
  ],
  [
    "hooks of components run when these are complete, those of deletes with what was",
    [
      {
        program: `${LOG} const g = new Group("g", {}, { hooks: { beforeCreate: [log("before")], afterCreate: [log("after")] } });
          new Thing("a", { n: 3 }, { parent: g, hooks: { beforeDelete: [log("gone", (x) => x.oldOutputs.twice)] } });`,
        check: ({ ledger }) => {
          assert.deepEqual([...ledger].sort(), ["after g", "before g", "create a"]);
          assert.equal(ledger[0], "before g");
        },
      },
      { run: "destroy", errors: /Resource has delete hooks registered, but the program is not running. Hooks: gone/ },
      { program: `${LOG} log("gone", (x) => x.oldOutputs.twice);`, ledger: ["gone a 6", "delete a"] },
    ],
  ],
  [
    "a hook that may fail is a warning; one that the program does not have any more prevents the operation",
    [
      {
        program: `new Thing("a", {}, { hooks: { afterCreate: [new pulumi.ResourceHook("soft", () => { throw new Error("never mind"); }, { ignoreErrors: true })],
            beforeDelete: [new pulumi.ResourceHook("needed", () => {})] } });`,
        ledger: ["create a"],
        check: ({ events }) => assert.match(JSON.stringify(events), /AfterCreate hook \\"soft\\" failed: never mind/),
      },
      { program: ``, errors: /hook "needed" was not registered/, ledger: [] },
    ],
  ],
];

describeRows("hooks", rows);
