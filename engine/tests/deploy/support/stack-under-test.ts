/** A stack with a program in a folder of its own, run by the engine with the SDK's real processes. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runOperation } from "../../../src/deploy/index.ts";
import type {
  EngineEvent,
  OperationKind,
  OperationRequest,
  OperationResult,
  ResourceState,
  Snapshot,
} from "../../../src/model.ts";

export interface Outcome extends OperationResult {
  events: EngineEvent[];
  /** `<op> <name>` of each step that began, providers apart. */
  steps: string[];
  /** Messages of severity error. */
  errors: string[];
  /** What the dynamic resources did in this operation, in order. */
  ledger: string[];
}

const modules = dirname(dirname(dirname(createRequire(import.meta.url).resolve("@pulumi/pulumi/package.json"))));

/** Defined for every program: `Thing`, a resource that writes what is done to it into a ledger. */
const PRELUDE = `
const pulumi = require("@pulumi/pulumi");
const fs = require("node:fs");
const ledger = __dirname + "/ledger";
const provider = {
  async check(olds, news) { return { inputs: news, failures: news.bad ? [{ property: "bad", reason: "must not be" }] : [] }; },
  async diff(id, olds, news) {
    const fields = (o) => JSON.stringify([o.n, o.key, o.label, o.blob]);
    return { changes: fields(olds) !== fields(news), replaces: olds.key !== news.key ? ["key"] : [], deleteBeforeReplace: news.dbr === true };
  },
  async create(i) {
    const fs = require("node:fs");
    if (i.fail) throw new Error("create refused: " + i.fail);
    fs.appendFileSync(i.ledger, "create " + i.ident + "\\n");
    const outs = { ...i, twice: i.n * 2, upper: String(i.label).toUpperCase() };
    if (i.sick) throw Object.assign(new Error("sick"), { id: i.ident, properties: outs, reasons: ["it is sick"] });
    if (i.dieAt === "create") process.exit(3);
    if (i.waitFor) { fs.writeFileSync(i.waitFor + ".started", ""); while (!fs.existsSync(i.waitFor)) await new Promise((r) => setTimeout(r, 10)); }
    return { id: i.ident + "-" + i.key, outs };
  },
  async update(id, o, i) {
    const fs = require("node:fs");
    fs.appendFileSync(i.ledger, "update " + i.ident + "\\n");
    return { outs: { ...i, twice: i.n * 2, upper: String(i.label).toUpperCase() } };
  },
  async delete(id, p) { require("node:fs").appendFileSync(p.ledger, "delete " + p.ident + "\\n"); if (p.undeletable) throw new Error("delete refused"); },
  async read(id, p) {
    const fs = require("node:fs");
    const world = p.ledger + "." + p.ident;
    if (!fs.existsSync(world)) return { id, props: p };
    const found = JSON.parse(fs.readFileSync(world, "utf8"));
    if (found?.refuse) throw new Error("read refused");
    return found === null ? { id: undefined, props: undefined } : { id, props: { ...p, ...found } };
  },
};
class Thing extends pulumi.dynamic.Resource {
  constructor(name, args, opts) {
    super(provider, name, { ident: name, n: 1, key: "k", label: "l", ledger, twice: undefined, upper: undefined, ...args }, opts);
  }
}
class Group extends pulumi.ComponentResource {
  constructor(name, args, opts) { super("test:index:Group", name, args ?? {}, opts); }
}
`;

export class StackUnderTest {
  readonly folder = mkdtempSync(join(tmpdir(), "engine-deploy-"));
  snapshot: Snapshot = { resources: [], pendingOperations: [] };
  config = new Map<string, { value: string; secret: boolean }>();
  stackOutputs = new Map<string, NonNullable<ResourceState["outputs"]>>();
  /** Every checkpoint of the last operation. */
  checkpoints: Snapshot[] = [];

  constructor() {
    writeFileSync(join(this.folder, "package.json"), JSON.stringify({ name: "test", private: true, main: "index.js" }));
    symlinkSync(modules, join(this.folder, "node_modules"));
  }

  get ledgerFile(): string {
    return join(this.folder, "ledger");
  }

  /** @param body A CommonJS module's text. */
  program(body: string): this {
    writeFileSync(join(this.folder, "index.js"), PRELUDE + body);
    return this;
  }

  state(name: string): ResourceState | undefined {
    return this.snapshot.resources.find(({ urn }) => urn.endsWith(`::${name}`));
  }

  up(options: Partial<OperationRequest> = {}): Promise<Outcome> {
    return this.run("update", { dryRun: false, ...options });
  }

  preview(options: Partial<OperationRequest> = {}): Promise<Outcome> {
    return this.run("preview", { dryRun: true, ...options });
  }

  async run(kind: OperationKind, options: Partial<OperationRequest> = {}): Promise<Outcome> {
    writeFileSync(this.ledgerFile, "");
    const events: EngineEvent[] = [];
    this.checkpoints = [];
    const result = await runOperation({
      kind,
      dryRun: false,
      organization: "organization",
      project: "test",
      stack: "dev",
      projectDir: this.folder,
      program: this.folder,
      runtimeOptions: { typescript: false },
      config: this.config,
      base: this.snapshot,
      parallel: 16,
      targets: [],
      targetDependents: false,
      excludes: [],
      replaces: [],
      refreshFirst: false,
      signal: new AbortController().signal,
      checkpoint: async (snapshot) => void this.checkpoints.push(snapshot),
      onEvent: (event) => void events.push(event),
      readStackOutputs: (name) => Promise.resolve(this.stackOutputs.get(name)),
      ...options,
    });
    if (!(options.dryRun ?? kind === "preview")) this.snapshot = result.snapshot;
    return {
      ...result,
      events,
      steps: events.flatMap(stepOf),
      errors: events.flatMap(errorOf),
      ledger: readFileSync(this.ledgerFile, "utf8").split("\n").filter(Boolean),
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface Described {
  metadata: { op: string; urn: string; type: string };
}

function stepOf(event: EngineEvent): string[] {
  const described = event["resourcePreEvent"] as Described | undefined;
  if (described === undefined || described.metadata.type.startsWith("pulumi:providers:")) return [];
  return [`${described.metadata.op} ${described.metadata.urn.split("::").at(-1) ?? ""}`];
}

function errorOf(event: EngineEvent): string[] {
  const diagnostic = event["diagnosticEvent"] as { severity: string; message: string } | undefined;
  return diagnostic?.severity === "error" ? [diagnostic.message.trim()] : [];
}
