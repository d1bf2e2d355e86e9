/** A stack whose program or plugins mean ill, and what is looked at after each of its operations. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ended, Sandbox, type CommandResult } from "../../support/pulumi.ts";
import { allGone } from "../../support/processes.ts";
import { stateOnDisk, type StateOnDisk } from "../../support/state.ts";
import { things } from "../../support/things.ts";

/** What was said on both streams, in one text. */
export interface Outcome extends CommandResult {
  readonly said: string;
}

export class HostileStack {
  readonly sandbox: Sandbox;

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
  }

  /** @param program What follows the definition of `Thing`: see support/things.ts. */
  static async create(program = "", env: Readonly<Record<string, string>> = {}): Promise<HostileStack> {
    const sandbox = await Sandbox.create({ program: things + program, env });
    sandbox.env["LEDGER"] = join(sandbox.folder, "ledger");
    sandbox.env["GATES"] = join(sandbox.folder, "gates");
    await mkdir(sandbox.env["GATES"]);
    await writeFile(sandbox.env["LEDGER"], "");
    await sandbox.succeed("stack init dev");
    return new HostileStack(sandbox);
  }

  program(text: string): Promise<void> {
    return this.sandbox.write("index.js", things + text);
  }

  up(...flags: readonly string[]): Promise<Outcome> {
    return this.run("up", "--yes", "--skip-preview", ...flags);
  }

  /** Runs a command to its end; afterwards no process of it is left, its lock is gone and its state can be read. */
  async run(...args: readonly string[]): Promise<Outcome> {
    const result = await ended(this.sandbox.start(args));
    await this.#leftInOrder();
    return { ...result, said: result.stdout + result.stderr };
  }

  async #leftInOrder(): Promise<void> {
    await allGone(this.sandbox);
    assert.deepEqual(await this.locks(), []);
    await this.state();
  }

  async locks(): Promise<string[]> {
    return readdir(join(this.sandbox.state, ".pulumi", "locks", "organization", "sample", "dev")).catch(() => []);
  }

  state(): Promise<StateOnDisk> {
    return stateOnDisk(this.sandbox);
  }

  /** Names of the stack's resources, without the stack itself and the default providers. */
  async names(): Promise<string[]> {
    const { resources = [] } = await this.state();
    return resources
      .filter(({ urn }) => !/::pulumi:(pulumi:Stack|providers:[^:]*)::/.test(urn))
      .map(({ urn }) => urn.split("::").slice(3).join("::"));
  }

  /** `creating <name>` of what had begun when the engine stopped. */
  async pending(): Promise<string[]> {
    const { pending_operations: pending = [] } = await this.state();
    return pending.map(({ type, resource }) => `${type} ${resource.urn.split("::").slice(3).join("::")}`);
  }

  async ledger(): Promise<string[]> {
    return (await readFile(this.sandbox.env["LEDGER"] ?? "", "utf8")).split("\n").filter((line) => line !== "");
  }

  remove(): Promise<void> {
    return this.sandbox.remove();
  }
}
