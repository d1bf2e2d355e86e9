/** A stack in a folder of its own, whose program is TypeScript with the real SDK and whose cloud is rehearsed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { Sandbox } from "../../../../engine/tests/support/pulumi.ts";
import type { CommandResult } from "../../../../engine/tests/support/pulumi.ts";
import { openRehearsal } from "../../src/index.ts";
import type { LedgerEntry, Rehearsal, RehearsalSettingsInput } from "../../src/index.ts";

const binOf = (cloud: string) => fileURLToPath(new URL(`../../../${cloud}/bin`, import.meta.url));

interface ExportedResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly initErrors?: readonly string[];
}

export class RehearsedStack {
  readonly sandbox: Sandbox;
  /** Where the pretended cloud is kept. */
  readonly folder: string;
  readonly cloud: Rehearsal;
  readonly #imports: string;

  private constructor(sandbox: Sandbox, cloud: string, imports: string) {
    this.sandbox = sandbox;
    this.folder = join(sandbox.folder, "cloud");
    this.cloud = openRehearsal(this.folder, cloud);
    this.#imports = imports;
  }

  /**
   * @param imports what each program begins with
   * @param config of the package, e.g. `{ project: "acme" }`
   */
  static async create(
    cloud: "gcp" | "aws",
    imports: string,
    config: Readonly<Record<string, string>>,
  ): Promise<RehearsedStack> {
    const env = { PATH: `${binOf(cloud)}${delimiter}${process.env["PATH"] ?? ""}` };
    const sandbox = await Sandbox.create({ env });
    const stack = new RehearsedStack(sandbox, cloud, imports);
    sandbox.env["PULUMI_REHEARSAL_DIR"] = stack.folder;
    await sandbox.write(
      "Pulumi.yaml",
      "name: sample\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.ts\n",
    );
    await sandbox.write("package.json", JSON.stringify({ name: "sample", private: true, type: "module" }));
    await sandbox.write("index.ts", "");
    await sandbox.succeed("stack init dev");
    for (const [key, value] of Object.entries(config))
      await sandbox.succeed(["config", "set", `${cloud}:${key}`, value]);
    return stack;
  }

  program(text: string): Promise<void> {
    return this.sandbox.write("index.ts", `${this.#imports}\n${text}\n`);
  }

  /** What the rehearsal follows from now on. */
  async settings(settings: RehearsalSettingsInput): Promise<void> {
    await this.sandbox.write("rehearsal.json", JSON.stringify(settings));
    this.sandbox.env["PULUMI_REHEARSAL_FILE"] = join(this.sandbox.work, "rehearsal.json");
  }

  /** Runs the program to success and gives what was printed. */
  async up(text?: string): Promise<string> {
    if (text !== undefined) await this.program(text);
    return this.sandbox.succeed("up --yes --skip-preview");
  }

  /** Runs the program, which must fail, and gives all that was printed. */
  async upFails(text?: string): Promise<string> {
    if (text !== undefined) await this.program(text);
    return fails(await this.sandbox.run("up --yes --skip-preview"));
  }

  refresh(): Promise<string> {
    return this.sandbox.succeed("refresh --yes --skip-preview");
  }

  async destroyFails(): Promise<string> {
    return fails(await this.sandbox.run("destroy --yes --skip-preview"));
  }

  async destroy(): Promise<string> {
    return this.sandbox.succeed("destroy --yes --skip-preview");
  }

  async outputs(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.sandbox.succeed("stack output --json --show-secrets")) as Record<string, unknown>;
  }

  async state(): Promise<readonly ExportedResource[]> {
    const text = await this.sandbox.succeed("stack export");
    return (JSON.parse(text) as { deployment: { resources: ExportedResource[] } }).deployment.resources;
  }

  async resource(name: string): Promise<ExportedResource> {
    const found = (await this.state()).find(({ urn }) => urn.endsWith(`::${name}`));
    assert.ok(found, `${name} is not in the state`);
    return found;
  }

  /** The ledger's entries of this resource, oldest first. */
  entries(name: string): LedgerEntry[] {
    return this.cloud.ledger().filter((entry) => entry.name === name);
  }

  /** Removes the stack's project and the pretended cloud. */
  remove(): Promise<void> {
    return this.sandbox.remove();
  }
}

function fails({ code, stdout, stderr }: CommandResult): string {
  assert.notEqual(code, 0, stdout);
  return `${stdout}\n${stderr}`;
}
