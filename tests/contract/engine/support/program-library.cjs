// What the programs of the suite are made of; program.ts has the types.
const pulumi = require("@pulumi/pulumi");

/** A resource has a field for each property that it is told of, known or not. */
const outputs = Object.fromEntries(
  ["n", "key", "label", "blob", "twice", "upper", "address"].map((name) => [name, undefined]),
);

class Thing extends pulumi.CustomResource {
  constructor(name, args, opts) {
    super("conf:index:Thing", name, { ...outputs, ...args }, opts);
  }
  static get(name, id, opts) {
    return new Thing(name, {}, { ...opts, id });
  }
}

/** A thing under another type, for aliases by type. */
class OtherThing extends pulumi.CustomResource {
  constructor(name, args, opts) {
    super("conf:other:Thing", name, { ...outputs, ...args }, opts);
  }
}

class Group extends pulumi.ComponentResource {
  constructor(name, opts, type = "conf:index:Group") {
    super(type, name, {}, opts);
  }
  done(outputs) {
    this.registerOutputs(outputs);
  }
}

/** A component that its own provider makes. */
class Box extends pulumi.ComponentResource {
  constructor(name, args, opts) {
    super("boxes:index:Box", name, { twice: undefined, ...args }, opts, true);
  }
}

class Provider extends pulumi.ProviderResource {
  constructor(name, args, opts) {
    super("conf", name, args ?? {}, opts);
  }
}

const dynamicProvider = {
  async create(inputs) {
    require("node:fs").appendFileSync(process.env.CONF_LEDGER, `create ${inputs.ident}\n`);
    return { id: inputs.ident, outs: { ...inputs, twice: inputs.n * 2 } };
  },
  async update(id, olds, news) {
    require("node:fs").appendFileSync(process.env.CONF_LEDGER, `update ${id}\n`);
    return { outs: { ...news, twice: news.n * 2 } };
  },
  async delete(id) {
    require("node:fs").appendFileSync(process.env.CONF_LEDGER, `delete ${id}\n`);
  },
};

class Dynamic extends pulumi.dynamic.Resource {
  constructor(name, args, opts) {
    super(dynamicProvider, name, { ident: name, n: 1, twice: undefined, ...args }, opts);
  }
}

/** A line in the ledger from the program itself. */
function note(line) {
  require("node:fs").appendFileSync(process.env.CONF_LEDGER, `${line}\n`);
}

/** Writes a file beside the program, and tells its path there. */
function file(name, text) {
  require("node:fs").writeFileSync(name, text);
  return name;
}

class Custom extends pulumi.CustomResource {}

module.exports = {
  pulumi,
  Box,
  Thing,
  OtherThing,
  Custom,
  file,
  note,
  Group,
  Provider,
  Dynamic,
  config: new pulumi.Config(),
};
