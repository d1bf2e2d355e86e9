/** A folder with a project, a stack `dev` that is empty, and the world of its things. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { libraryFile } from "./program.ts";
import type { Engine } from "./engines.ts";

const modules = fileURLToPath(new URL("../../../../node_modules", import.meta.url));
const plugins = fileURLToPath(new URL("plugin", import.meta.url));

export const projectName = "conf-project";
export const passphrase = "correct horse";
/** As `stack init` writes it for that passphrase; a stack that is made by hand starts no process. */
export const encryptionSalt = "v1:GieHUL5M7sI=:v1:s4va0aKuW5Y/4NWl:lQO0WsDNTPS5tVaqXsOrTFbaevC3Wg==";

export interface Answer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a project has besides its program. */
export interface ProjectContents {
  /** Lines of Pulumi.dev.yaml. */
  readonly settings?: string;
  /** Files beside the program: their text by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** The state that the stack has before: `latest` of a checkpoint file. */
  readonly deployment?: object;
}

export class Project {
  readonly folder: string;
  readonly work: string;
  readonly world: string;
  readonly ledgerFile: string;
  readonly engine: Engine;
  /** Which version of the program runs: 1, 2 ... */
  version = 1;

  private constructor(engine: Engine, folder: string) {
    this.engine = engine;
    this.folder = folder;
    this.work = join(folder, "work");
    this.world = join(folder, "world");
    this.ledgerFile = join(folder, "ledger");
  }

  /** @param program JavaScript: a function of the library and the version. */
  static async create(
    engine: Engine,
    program: string,
    { settings = "", files = {}, deployment }: ProjectContents = {},
  ): Promise<Project> {
    const project = new Project(engine, await mkdtemp(join(tmpdir(), "conformance-")));
    await Promise.all([project.work, project.world, project.#stacks].map((path) => mkdir(path, { recursive: true })));
    await project.write(
      "Pulumi.yaml",
      `name: ${projectName}\nruntime: { name: nodejs, options: { typescript: false } }\n`,
    );
    await project.write("Pulumi.dev.yaml", `encryptionsalt: ${encryptionSalt}\n${settings}`);
    await project.write("package.json", JSON.stringify({ name: projectName, private: true, main: "index.js" }));
    await project.write(
      "index.js",
      `const library = require(${JSON.stringify(libraryFile)});\n` +
        `const program = ${program};\n` +
        "module.exports = () => program(library, Number(process.env.CONF_VERSION));\n",
    );
    await symlink(modules, join(project.work, "node_modules"));
    await writeFile(join(project.folder, ".pulumi", "meta.yaml"), "version: 1\n");
    const checkpoint = { stack: "organization/conf-project/dev", ...(deployment && { latest: deployment }) };
    await writeFile(project.stateFile("dev"), JSON.stringify({ version: 3, checkpoint }, undefined, 4));
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(project.work, file)), { recursive: true });
      await project.write(file, text);
    }
    return project;
  }

  get #stacks(): string {
    return join(this.folder, ".pulumi", "stacks", projectName);
  }

  stateFile(stack: string): string {
    return join(this.#stacks, `${stack}.json`);
  }

  write(file: string, content: string): Promise<void> {
    return writeFile(join(this.work, file), content);
  }

  /** What the things did since the last call, in order. */
  async takeLedger(): Promise<string[]> {
    const text = await readFile(this.ledgerFile, "utf8").catch(() => "");
    await writeFile(this.ledgerFile, "");
    return text.split("\n").filter((line) => line !== "");
  }

  /** Runs a command to its end. */
  run(args: readonly string[], input = ""): Promise<Answer> {
    return this.runWith(this.engine, args, input);
  }

  /** Runs a command by another engine than the project's. */
  runWith(engine: Engine, args: readonly string[], input = ""): Promise<Answer> {
    const [command, ...first] = engine.command;
    const child = spawn(command, [...first, ...args, "--non-interactive"], {
      cwd: this.work,
      env: {
        ...process.env,
        AUTOMATOS_ENGINE: "embedded",
        CONF_LEDGER: this.ledgerFile,
        CONF_VERSION: String(this.version),
        CONF_WORLD: this.world,
        NO_COLOR: "1",
        PATH: [plugins, dirname(process.execPath), process.env["PATH"]].join(delimiter),
        PULUMI_BACKEND_URL: `file://${this.folder}`,
        PULUMI_CONFIG_PASSPHRASE: passphrase,
        PULUMI_HOME: join(this.folder, "home"),
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_STACK: "dev",
      },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.stdin.on("error", () => undefined).end(input);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stdout, stderr }));
    });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
