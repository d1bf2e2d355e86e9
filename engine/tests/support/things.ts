/** Programs of resources that write what is done to them into a ledger, one line each. */

/** Defines `Thing` and `config`; LEDGER and GATES are paths of the environment. */
export const things = `
const pulumi = require("@pulumi/pulumi");
const config = new pulumi.Config();
const provider = {
  async create(inputs) {
    const fs = require("node:fs");
    fs.appendFileSync(process.env.LEDGER, "begin " + inputs.ident + "\\n");
    if (inputs.refuse) throw new Error("create refused: " + inputs.refuse);
    // a gate is a file that the test makes when the creation may go on
    while (inputs.gate && !fs.existsSync(process.env.GATES + "/" + inputs.gate)) await new Promise(setImmediate);
    fs.appendFileSync(process.env.LEDGER, "create " + inputs.ident + "\\n");
    return { id: "id-" + inputs.ident, outs: { ...inputs, twice: inputs.n * 2 } };
  },
  async update(id, olds, news) {
    require("node:fs").appendFileSync(process.env.LEDGER, "update " + news.ident + "\\n");
    return { outs: { ...news, twice: news.n * 2 } };
  },
  async delete(id, outs) {
    require("node:fs").appendFileSync(process.env.LEDGER, "delete " + outs.ident + "\\n");
  },
};
class Thing extends pulumi.dynamic.Resource {
  constructor(name, args, opts) {
    super(provider, name, { ident: name, n: 1, twice: undefined, ...args }, opts);
  }
}
`;
