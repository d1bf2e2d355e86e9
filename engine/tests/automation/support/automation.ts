/** The Automation API of the unmodified SDK, with this package's `pulumi` as the one on PATH. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LocalWorkspace, type PulumiFn, type EngineEvent, type Stack } from "@pulumi/pulumi/automation/index.js";
import { command } from "../../support/pulumi.ts";

const modules = fileURLToPath(new URL("../../../../node_modules", import.meta.url));
const fakePlugin = fileURLToPath(new URL("../../deploy/support/fake-plugin.mjs", import.meta.url));

/** A state store, a Pulumi home, and stacks whose programs run in this process or in a folder. */
export class AutomationSandbox {
  readonly folder: string;
  /** For every command of a workspace. */
  readonly envVars: Readonly<Record<string, string>>;
  readonly pulumiHome: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.pulumiHome = join(folder, "home");
    this.envVars = {
      PULUMI_BACKEND_URL: `file://${folder}/state`,
      PULUMI_CONFIG_PASSPHRASE: "correct horse",
      FAKE_LEDGER: join(folder, "ledger"),
    };
  }

  /** PATH of this process begins with `pulumi` and the plugin `fake` from now on. */
  static async create(): Promise<AutomationSandbox> {
    const sandbox = new AutomationSandbox(await mkdtemp(join(tmpdir(), "automation-")));
    const { folder } = sandbox;
    for (const name of ["bin", "state", "work"]) await mkdir(join(folder, name));
    await symlink(command, join(folder, "bin", "pulumi"));
    await symlink(process.execPath, join(folder, "bin", "node"));
    await symlink(fakePlugin, join(folder, "bin", "pulumi-resource-fake"));
    await symlink(modules, join(folder, "work", "node_modules"));
    await writeFile(join(folder, "ledger"), "");
    process.env["PATH"] = [join(folder, "bin"), process.env["PATH"]].join(delimiter);
    process.env["AUTOMATOS_ENGINE"] = "embedded";
    return sandbox;
  }

  get options() {
    const { envVars, pulumiHome } = this;
    return { envVars: { ...envVars }, pulumiHome };
  }

  get work(): string {
    return join(this.folder, "work");
  }

  /** A stack of a program that is a function of this process. */
  inline(stackName: string, program: PulumiFn, projectName = "inline"): Promise<Stack> {
    return LocalWorkspace.createOrSelectStack({ stackName, projectName, program }, this.options);
  }

  /** Writes the program of the project in `work`. */
  async program(text: string): Promise<void> {
    await writeFile(join(this.work, "index.js"), `const pulumi = require("@pulumi/pulumi");\n${text}`);
  }

  /** What the plugin `fake` was asked to do, a line each. */
  async ledger(): Promise<string[]> {
    return (await readFile(join(this.folder, "ledger"), "utf8")).split("\n").filter((line) => line !== "");
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** `resourcePreEvent` ...: which of its shapes an event has. */
export function kindOf(event: EngineEvent): string {
  const kinds = Object.keys(event).filter((key) => key !== "sequence" && key !== "timestamp");
  if (kinds.length !== 1) throw new Error(`an event has the kinds ${kinds.join(", ")}`);
  return kinds[0] ?? "";
}

/** The URNs of what a stack holds, in the order of its state. */
export async function urnsOf(stack: Stack): Promise<string[]> {
  const deployment = (await stack.exportStack()).deployment as {
    readonly resources?: readonly { readonly urn: string }[];
  };
  return (deployment.resources ?? []).map(({ urn }) => urn);
}
