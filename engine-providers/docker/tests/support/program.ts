/** A project with a program against a test daemon, and what its state says. */
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { Sandbox } from "../../../../engine/tests/support/pulumi.ts";
import { stateOnDisk } from "../../../../engine/tests/support/state.ts";

const plugins = fileURLToPath(new URL("../../bin", import.meta.url));

export interface StateResource {
  readonly urn: string;
  readonly id: string;
  readonly inputs: Record<string, unknown>;
  readonly outputs: Record<string, unknown>;
}

export class DockerProgram {
  readonly sandbox: Sandbox;

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
  }

  /**
   * Gone when the test ends.
   * @param body CommonJS, with `docker` and `pulumi` in scope.
   */
  static async create(host: string, body: string, test: Pick<TestContext, "after">): Promise<DockerProgram> {
    const env = { AUTOMATOS_PLUGIN_PATH: plugins, DOCKER_HOST: host, DOCKER_CONFIG: "/nonexistent" };
    const program = new DockerProgram(await Sandbox.create({ env }));
    test.after(() => program.sandbox.remove());
    await program.write(body);
    await program.sandbox.succeed("stack init dev");
    return program;
  }

  write(body: string): Promise<void> {
    const imports = `const docker = require("@pulumi/docker");\nconst pulumi = require("@pulumi/pulumi");\n`;
    return this.sandbox.write("index.js", imports + body);
  }

  async up(body?: string, ...flags: string[]): Promise<string> {
    if (body !== undefined) await this.write(body);
    return this.sandbox.succeed(["up", "--yes", "--skip-preview", ...flags]);
  }

  /** What `up` says that fails. */
  async fails(body?: string, command = "up --yes --skip-preview"): Promise<string> {
    if (body !== undefined) await this.write(body);
    const { code, stdout, stderr } = await this.sandbox.run(command);
    if (code === 0) throw new Error(`pulumi ${command} succeeded:\n${stdout}`);
    return stdout + stderr;
  }

  /** How many steps of which kind a preview has. */
  async preview(body?: string): Promise<Record<string, number>> {
    if (body !== undefined) await this.write(body);
    const text = await this.sandbox.succeed("preview --json");
    return (JSON.parse(text) as { changeSummary: Record<string, number> }).changeSummary;
  }

  async resource(name: string): Promise<StateResource> {
    const resource = (await this.#resources()).find(({ urn }) => urn.split("::").at(-1) === name);
    if (!resource) throw new Error(`no resource ${name} in the state`);
    return resource;
  }

  /** The stack's outputs; what is secret is encrypted. */
  async outputs(): Promise<Record<string, unknown>> {
    return (await this.resource("sample-dev")).outputs;
  }

  /** From the file: a command for each look would take most of a test's time. */
  async #resources(): Promise<readonly StateResource[]> {
    const { resources = [] } = await stateOnDisk(this.sandbox);
    // All that is asked for by name here has been created.
    return resources as readonly StateResource[];
  }

  refresh(): Promise<string> {
    return this.sandbox.succeed("refresh --yes --skip-preview");
  }

  async destroy(): Promise<void> {
    await this.sandbox.succeed("destroy --yes --skip-preview");
  }
}
