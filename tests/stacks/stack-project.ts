import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseDocument } from "yaml";
import { endAllDaemons } from "../../components/local/daemon-resource.ts";
import { freePorts } from "../support/ports.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

const FOLDERS = ["contracts", "components", "stacks", "scripts", "demo"];

/** What a service of the local phase promises to the stack, and nothing more; it notes every start. */
const STAND_IN_SERVICE = `
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
const port = Number(process.env["PORT"] ?? process.env["HEALTH_PORT"]);
appendFileSync("starts", \`\${process.argv[1]} \${process.pid}\\n\`);
createServer((request, response) => {
  response.writeHead(request.url === "/readyz" ? 200 : 404).end();
}).listen(port, "127.0.0.1");
`;

export interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Leaves in the database what the real program does. */
const STAND_IN_MIGRATIONS = `
import pg from "pg";
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query("CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY)");
await client.query("INSERT INTO migrations VALUES ('0001_first.sql') ON CONFLICT DO NOTHING");
await client.end();
`;

export interface StackProject {
  readonly dir: string;
  /** Renames the folder, with everything that is in it; `dir` is the new one. */
  move(): Promise<void>;
  readonly ports: {
    readonly api: number;
    readonly worker: number;
    readonly gateway: number;
    readonly postgres: number;
  };
  /** Sets a value below `automatos:settings` of Pulumi.dev.yaml; `undefined` removes it. */
  setSetting(keys: readonly string[], value: unknown): Promise<void>;
  /** Runs the project's `pulumi` to its end. */
  pulumi(...args: readonly string[]): Promise<Finished>;
  /** Runs a script of the project to its end. */
  script(file: string, ...args: readonly string[]): Promise<Finished>;
  spawnScript(file: string, ...args: readonly string[]): ChildProcess;
  /** Starts the project's `pulumi`, in a process group of its own. */
  spawnPulumi(...args: readonly string[]): ChildProcess;
  /** Which service was started as which process, over all time. */
  starts(): Promise<{ readonly program: string; readonly pid: number }[]>;
  /** The stack's state. */
  state(): Promise<{ resources: { urn: string; type: string; outputs: Record<string, unknown> }[]; text: string }>;
  remove(): Promise<void>;
}

/**
 * The real stack, components and engine in a folder of their own, with stand-ins for the services.
 *
 * @param env Further variables of what it runs.
 */
export async function makeStackProject(env: Readonly<Record<string, string>> = {}): Promise<StackProject> {
  let dir = await realpath(await mkdtemp(path.join(tmpdir(), "automatos-stack-")));
  for (const name of [...FOLDERS, "Pulumi.yaml", "Pulumi.dev.yaml", "package.json", "package-lock.json"]) {
    await cp(path.join(ROOT, name), path.join(dir, name), { recursive: true });
  }
  for (const name of ["bin", "src", "package.json"]) {
    await cp(path.join(ROOT, "engine", name), path.join(dir, "engine", name), { recursive: true });
  }
  for (const folder of ["node_modules", "engine/node_modules"]) {
    if (existsSync(path.join(ROOT, folder))) await symlink(path.join(ROOT, folder), path.join(dir, folder));
  }
  for (const service of ["api", "gateway", "worker"]) {
    await mkdir(path.join(dir, "services", service), { recursive: true });
    await writeFile(path.join(dir, "services", service, "main.ts"), STAND_IN_SERVICE);
  }
  await mkdir(path.join(dir, "services", "migrate"), { recursive: true });
  await writeFile(path.join(dir, "services", "migrate", "main.ts"), STAND_IN_MIGRATIONS);
  await mkdir(path.join(dir, "services", "runtime", "migrations"), { recursive: true });
  await writeFile(path.join(dir, "services", "runtime", "migrations", "0001_first.sql"), "");
  const [api = 0, worker = 0, gateway = 0, postgres = 0] = await freePorts(4);
  const ports = { api, worker, gateway, postgres };

  const spawnNode = (...args: readonly string[]) =>
    spawn(process.execPath, args, {
      cwd: dir,
      detached: true,
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        AUTOMATOS_ENGINE: "embedded",
        PULUMI_CONFIG_PASSPHRASE: "automatos-dev",
        PULUMI_HOME: path.join(dir, ".pulumi", "home"),
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });

  const spawnPulumi = (...args: readonly string[]) => spawnNode("engine/bin/pulumi.mjs", ...args);

  const spawnScript = (...args: readonly string[]) => spawnNode("--disable-warning=ExperimentalWarning", ...args);

  const project: StackProject = {
    get dir() {
      return dir;
    },
    async move() {
      await rename(dir, `${dir}-moved`);
      dir = `${dir}-moved`;
    },
    ports,
    async setSetting(keys, value) {
      const file = path.join(dir, "Pulumi.dev.yaml");
      const yaml = parseDocument(await readFile(file, "utf8"));
      const place = ["config", "automatos:settings", ...keys];
      if (value === undefined) yaml.deleteIn(place);
      else yaml.setIn(place, value);
      await writeFile(file, yaml.toString());
    },
    spawnPulumi,
    pulumi: (...args) => finish(spawnPulumi(...args)),
    script: (file, ...args) => finish(spawnScript(file, ...args)),
    spawnScript,
    async starts() {
      const text = await readFile(path.join(dir, "starts"), "utf8").catch(() => "");
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const [program = "", pid = ""] = line.split(" ");
          return { program: program.slice(program.indexOf("services/")), pid: Number(pid) };
        });
    },
    async state() {
      const text = await readFile(path.join(dir, ".pulumi", "stacks", "automatos", "dev.json"), "utf8");
      const { checkpoint } = JSON.parse(text) as {
        checkpoint: { latest?: { resources?: { urn: string; type: string; outputs: Record<string, unknown> }[] } };
      };
      return { resources: checkpoint.latest?.resources ?? [], text };
    },
    async remove() {
      await endAllDaemons(dir);
      await rm(dir, { recursive: true, force: true });
    },
  };
  for (const [name, port] of Object.entries(ports)) await project.setSetting(["ports", name], port);
  return project;
}

/** Waits for a process's end and collects what it says. */
export async function finish(child: ChildProcess): Promise<Finished> {
  let output = "";
  const collect = (chunk: Buffer) => (output += chunk.toString());
  child.stdout?.on("data", collect);
  child.stderr?.on("data", collect);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, output });
    });
  });
}
