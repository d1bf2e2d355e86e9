/** A stack of a program that uses @pulumi/kubernetes, through the `pulumi` command and the plugin process. */
import { fileURLToPath } from "node:url";
import { Sandbox } from "../../../../engine/tests/support/pulumi.ts";
import type { CommandResult } from "../../../../engine/tests/support/pulumi.ts";

const PLUGINS = fileURLToPath(new URL("../../bin", import.meta.url));

export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly initErrors?: readonly string[];
}

export class KubernetesStack {
  readonly sandbox: Sandbox;

  private constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
  }

  /** @param kubeconfig What the program finds as its cluster. */
  static async create(
    kubeconfig: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<KubernetesStack> {
    const env = { AUTOMATOS_PLUGIN_PATH: PLUGINS, KUBECONFIG: kubeconfig, ...environment };
    const sandbox = await Sandbox.create({ env });
    await sandbox.succeed("stack init dev");
    return new KubernetesStack(sandbox);
  }

  async program(body: string): Promise<void> {
    await this.sandbox.write("index.js", `const k8s = require("@pulumi/kubernetes");\n${body}`);
  }

  run(args: string): Promise<CommandResult> {
    return this.sandbox.run(args);
  }

  up(flags = ""): Promise<string> {
    return this.sandbox.succeed(`up --yes --skip-preview ${flags}`.trim());
  }

  /** What a preview would do, by the resource's name: its steps that are not `same`. */
  async plan(flags = ""): Promise<Record<string, string[]>> {
    const shown = await this.sandbox.succeed(`preview --json ${flags}`.trim());
    const { steps } = JSON.parse(shown) as { steps: { op: string; urn: string }[] };
    const plan: Record<string, string[]> = {};
    for (const { op, urn } of steps) if (op !== "same") (plan[nameOf(urn)] ??= []).push(op);
    return plan;
  }

  async resources(): Promise<Record<string, StateResource>> {
    const exported = await this.sandbox.succeed("stack export");
    const { deployment } = JSON.parse(exported) as { deployment: { resources: StateResource[] } };
    return Object.fromEntries(deployment.resources.map((resource) => [nameOf(resource.urn), resource]));
  }

  async remove(): Promise<void> {
    await this.sandbox.remove();
  }
}

const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");
