import { describeRows } from "./support/describe-rows.ts";
import { destroy, preview, up } from "./support/row.ts";

/** A policy pack: `policies` is the text of a list. */
function pack(policies: string): Readonly<Record<string, string>> {
  return {
    "pack/PulumiPolicy.yaml": "runtime: nodejs\n",
    "pack/package.json": '{ "name": "pack", "version": "1.0.0" }',
    "pack/index.js": `new (require("@pulumi/policy").PolicyPack)("pack", { policies: ${policies} });`,
  };
}

const noLargeThings = (enforcementLevel: string) =>
  pack(`[{
    name: "no-large-things", description: "Things are small.", enforcementLevel: "${enforcementLevel}",
    validateResource(args, report) { if (args.props.n > 5) report(args.name + " is too large"); },
  }]`);

const flags = ["--policy-pack", "pack"];

describeRows("components of other packages, and policy packs", {
  "a component is made by its provider, and its children are the stack's": {
    program: ({ Thing, Box }) => {
      const a = new Thing("a", { n: 2 });
      const box = new Box("box", { n: a.twice });
      new Thing("b", { n: box.twice });
    },
    run: [
      preview({ steps: ["create a", "create box", "create box-content", "create b"], ledger: [] }),
      up({
        ledger: ["create a", "create box-content", "create b"],
        state: {
          a: {},
          box: { custom: false, inputs: { n: 4 }, outputs: { twice: 8 } },
          "box-content": {
            parent: "box",
            urn: "urn:pulumi:dev::conf-project::boxes:index:Box$conf:index:Thing::box-content",
          },
          b: { inputs: { n: 8 } },
        },
      }),
      destroy({ ledger: ["delete b", "delete box-content", "delete a"], state: {} }),
    ],
  },

  "a mandatory policy stops what violates it before it is created": {
    program: ({ Thing }) => {
      new Thing("a", { n: 9 });
    },
    files: noLargeThings("mandatory"),
    run: [
      preview({ flags, fails: /./, says: /a is too large/ }),
      up({ flags, fails: /./, says: /a is too large/, ledger: [], state: {} }),
    ],
  },

  "an advisory policy tells of it alone": {
    program: ({ Thing }) => {
      new Thing("a", { n: 9 });
    },
    files: noLargeThings("advisory"),
    run: [up({ flags, says: /a is too large/, ledger: ["create a"] })],
  },

  "a remediation changes the inputs before they are checked and used": {
    program: ({ Thing }) => {
      new Thing("a", { n: 9 });
    },
    files: pack(`[{
      name: "make-small", description: "Things are small.", enforcementLevel: "remediate",
      remediateResource(args) { return args.props.n > 5 ? { ...args.props, n: 5 } : undefined; },
    }]`),
    run: [up({ flags, ledger: ["create a"], state: { a: { inputs: { n: 5 } } } })],
  },
});
