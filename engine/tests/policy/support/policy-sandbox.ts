/** A project with a ledger of what was done, policy packs beside it, and what an operation with them told. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Sandbox, type CommandResult } from "../../support/pulumi.ts";
import { things } from "../../support/things.ts";

/** An event of the log, by its kind. */
export interface LoggedEvent {
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Outcome extends CommandResult {
  readonly events: readonly LoggedEvent[];
  /** Bodies of events of one kind. */
  readonly of: (kind: string) => readonly Readonly<Record<string, unknown>>[];
}

export interface PackOptions {
  /** What `policies` is in the pack: JavaScript. */
  readonly policies?: string;
  /** More arguments of `new PolicyPack(name, {policies, ...})`: JavaScript. */
  readonly args?: string;
  /** Before the pack is made: JavaScript. */
  readonly before?: string;
  /** The third argument of `new PolicyPack`: JavaScript. */
  readonly initialConfig?: string;
  readonly version?: string;
  /** The PulumiPolicy.yaml. @default "runtime: nodejs" */
  readonly yaml?: string;
  /** Files of the pack, besides or in place of package.json and index.js. */
  readonly files?: Readonly<Record<string, string>>;
}

export class PolicySandbox {
  readonly sandbox: Sandbox;
  readonly ledger: string;
  #runs = 0;

  private constructor(sandbox: Sandbox, ledger: string) {
    this.sandbox = sandbox;
    this.ledger = ledger;
  }

  /** @param program What follows the definition of `Thing`: see ../../support/things.ts. */
  static async create(program: string): Promise<PolicySandbox> {
    const sandbox = await Sandbox.create({ program: things + program });
    const ledger = join(sandbox.folder, "ledger");
    sandbox.env["LEDGER"] = ledger;
    sandbox.env["GATES"] = sandbox.folder;
    await writeFile(ledger, "");
    await sandbox.succeed("stack init dev");
    return new PolicySandbox(sandbox, ledger);
  }

  /** Writes the pack `<name>/`; returns its path from the working folder. */
  async pack(name: string, options: PackOptions): Promise<string> {
    const folder = join(this.sandbox.work, name);
    await mkdir(folder, { recursive: true });
    const files: Record<string, string> = {
      "PulumiPolicy.yaml": options.yaml ?? "runtime: nodejs\n",
      "package.json": JSON.stringify({ name, version: options.version ?? "1.0.0" }),
      "index.js":
        `const policy = require("@pulumi/policy");\n${options.before ?? ""}\n` +
        `new policy.PolicyPack(${JSON.stringify(name)}, { policies: ${options.policies ?? "[]"}, ${options.args ?? ""} }` +
        `${options.initialConfig === undefined ? "" : `, ${options.initialConfig}`});\n`,
      ...options.files,
    };
    for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
    return name;
  }

  /** @param command As `preview` or `up`: the latter runs without a preview. */
  async run(command: "preview" | "up", flags: readonly string[]): Promise<Outcome> {
    const log = join(this.sandbox.folder, `events-${(this.#runs += 1)}.json`);
    const skip = command === "up" ? ["--skip-preview"] : [];
    const result = await this.sandbox.run([command, "--stack", "dev", ...skip, "--event-log", log, ...flags]);
    const events = await readEvents(log);
    return { ...result, events, of: (kind) => events.filter((event) => event.kind === kind).map(({ body }) => body) };
  }

  async effects(): Promise<string[]> {
    return (await readFile(this.ledger, "utf8")).split("\n").filter((line) => line !== "" && !line.startsWith("begin"));
  }

  remove(): Promise<void> {
    return this.sandbox.remove();
  }
}

async function readEvents(log: string): Promise<LoggedEvent[]> {
  const text = await readFile(log, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const event = JSON.parse(line) as Record<string, Record<string, unknown>>;
      const kind = Object.keys(event).find((key) => key.endsWith("Event")) ?? "";
      return { kind, body: event[kind] ?? {} };
    });
}
