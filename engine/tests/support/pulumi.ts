/** Runs the `pulumi` command of this package in a project of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { omit } from "../../src/backend/records.ts";

export const command = fileURLToPath(new URL("../../bin/pulumi.mjs", import.meta.url));
const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface SandboxOptions {
  /** Pulumi.yaml's name. @default "sample" */
  readonly project?: string;
  /** index.js */
  readonly program?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A folder with a project, its state and its Pulumi home, and a `pulumi` that works there. */
export class Sandbox {
  readonly folder: string;
  readonly work: string;
  readonly state: string;
  readonly env: NodeJS.ProcessEnv;

  private constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.work = join(folder, "work");
    this.state = join(folder, "state");
    this.env = {
      ...omit(process.env, "PULUMI_STACK", "PULUMI_BACKEND_URL", "AUTOMATOS_PLUGIN_PATH"),
      AUTOMATOS_ENGINE: "embedded",
      PULUMI_BACKEND_URL: `file://${this.state}`,
      PULUMI_CONFIG_PASSPHRASE: "correct horse",
      PULUMI_HOME: join(folder, "home"),
      NO_COLOR: "1",
      ...env,
    };
  }

  static async create(options: SandboxOptions = {}): Promise<Sandbox> {
    const sandbox = new Sandbox(await mkdtemp(join(tmpdir(), "engine-")), options.env ?? {});
    await mkdir(sandbox.work);
    await mkdir(sandbox.state);
    const project = options.project ?? "sample";
    await sandbox.write(
      "Pulumi.yaml",
      `name: ${project}\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.js\n`,
    );
    await sandbox.write("package.json", JSON.stringify({ name: project, private: true, main: "index.js" }));
    await sandbox.write("index.js", options.program ?? "");
    await symlink(modules, join(sandbox.work, "node_modules"));
    return sandbox;
  }

  write(file: string, content: string): Promise<void> {
    return writeFile(join(this.work, file), content);
  }

  stateFile(stack: string, project = "sample"): string {
    return join(this.state, ".pulumi", "stacks", project, `${stack}.json`);
  }

  start(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [command, ...args, "--non-interactive"], { cwd: this.work, env: this.env });
  }

  /** Runs a command to its end, with `input` as its standard input. */
  run(args: string | readonly string[], input = ""): Promise<CommandResult> {
    return ended(this.start(typeof args === "string" ? args.split(" ") : args), input);
  }

  /** As `run`, and fails unless the command succeeds. */
  async succeed(args: string | readonly string[], input = ""): Promise<string> {
    const result = await this.run(args, input);
    if (result.code !== 0)
      throw new Error(`pulumi ${String(args)} ended with ${result.code}\n${result.stdout}\n${result.stderr}`);
    return result.stdout;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

export function ended(child: ChildProcess, input = ""): Promise<CommandResult> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin?.on("error", () => undefined).end(input);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
