// Shared by every case: a dynamic resource that writes what is done to it into a ledger, in order.
const pulumi = require("@pulumi/pulumi");
const ledger = process.env.PARITY_LEDGER,
  world = process.env.PARITY_WORLD;
const provider = {
  async check(olds, news) {
    const failures = news.n < 0 ? [{ property: "n", reason: "n must not be negative" }] : [];
    return { inputs: news, failures };
  },
  async diff(id, olds, news) {
    const replaces = olds.key !== news.key ? ["key"] : [];
    const changes =
      JSON.stringify([olds.n, olds.key, olds.label, olds.blob]) !==
      JSON.stringify([news.n, news.key, news.label, news.blob]);
    return { changes, replaces, deleteBeforeReplace: news.dbr === true, stables: [] };
  },
  async create(i) {
    const fs = require("fs");
    if (i.fail) throw new Error("create refused: " + i.fail);
    const id = i.ident + "-" + (i.key || "k");
    fs.appendFileSync(i.ledger, "create " + id + "\n");
    fs.writeFileSync(i.world + "/" + id, JSON.stringify(i));
    return { id, outs: { ...i, twice: i.n * 2, upper: String(i.label).toUpperCase() } };
  },
  async update(id, o, i) {
    const fs = require("fs");
    fs.appendFileSync(i.ledger, "update " + id + " " + o.n + "->" + i.n + "\n");
    fs.writeFileSync(i.world + "/" + id, JSON.stringify(i));
    return { outs: { ...i, twice: i.n * 2, upper: String(i.label).toUpperCase() } };
  },
  async delete(id, p) {
    const fs = require("fs");
    fs.appendFileSync(p.ledger, "delete " + id + "\n");
    fs.rmSync(p.world + "/" + id, { force: true });
  },
  async read(id, p) {
    const fs = require("fs");
    const f = p.world + "/" + id;
    if (!fs.existsSync(f)) return { id: undefined, props: undefined };
    const i = JSON.parse(fs.readFileSync(f, "utf8"));
    return { id, props: { ...i, twice: i.n * 2, upper: String(i.label).toUpperCase() } };
  },
};
class Thing extends pulumi.dynamic.Resource {
  constructor(name, args, opts) {
    super(
      provider,
      name,
      { ident: name, n: 1, key: "k", label: "l", ledger, world, twice: undefined, upper: undefined, ...args },
      opts,
    );
  }
}
class Group extends pulumi.ComponentResource {
  constructor(name, args, opts) {
    super("parity:index:Group", name, args || {}, opts);
  }
}
const config = new pulumi.Config();
module.exports = { pulumi, Thing, Group, config, step: Number(config.get("step") || "1") };
