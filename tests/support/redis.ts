import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { installPackages, programOfMachine } from "./debian-packages.ts";
import { freePorts } from "./ports.ts";

/** A real Redis for one test file, with the append-only file that the pilot's has. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Where its append-only file is. */
  readonly dir: string;
  /** Of the server that runs. */
  readonly pid: number;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM: it writes what it holds, and ends. */
  shutdown(): Promise<void>;
  /** Starts it again (after a SIGKILL, if it runs still) on the same port, with the data it had or with none. */
  restart(options?: { readonly empty?: boolean }): Promise<void>;
  /** SIGSTOP: connections stay open, and nobody answers. */
  pause(): void;
  resume(): void;
  /** Ends the server and removes its folder. Idempotent. */
  stop(): Promise<void>;
}

export interface RedisOptions {
  /** @default none is asked for */
  readonly password?: string;
  /** Files in PEM; the server then speaks TLS alone. @default no TLS */
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile: string };
  /** Where it listens, space-separated; the URL names 127.0.0.1. @default 127.0.0.1 alone */
  readonly addresses?: string;
  /** Settings of redis.conf beside or instead of those of the pilot. */
  readonly settings?: Readonly<Record<string, string>>;
}

const SETPRIV = "/usr/bin/setpriv";
const READY_TIMEOUT_MS = 20_000;

/** As the pilot's: what is written outlives a crash of the process, and nothing is ever thrown out to make room. */
const DURABLE = { appendonly: "yes", appendfsync: "everysec", "maxmemory-policy": "noeviction", save: "" };

let checked: Promise<string | false> | undefined;

/** False when a Redis can be started; else what is missing, as a test's reason to be skipped. */
export function redisIsMissing(): Promise<string | false> {
  checked ??= check();
  return checked;
}

async function check(): Promise<string | false> {
  if (findServer() === undefined && process.getuid?.() === 0)
    await installPackages(["redis-server"]).catch(() => undefined);
  if (findServer() !== undefined) return false;
  const reason = "no redis-server on this machine, nor to be had with apt-get";
  process.stderr.write(`SKIPPED: tests with Redis: ${reason}\n`);
  return reason;
}

const findServer = (): string | undefined => programOfMachine("redis-server");

/** @throws when there is no redis-server; `redisIsMissing()` says so beforehand */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const missing = await redisIsMissing();
  if (missing !== false) throw new Error(missing);
  const dir = await mkdtemp(path.join(tmpdir(), "automatos-redis-"));
  const server = new Server(dir, options);
  try {
    await server.initialise();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

class Server implements TestRedis {
  readonly dir: string;
  port = 0;
  readonly #options: RedisOptions;
  #process: ChildProcess | undefined;

  constructor(dir: string, options: RedisOptions) {
    this.dir = dir;
    this.#options = options;
  }

  get url(): string {
    const { password, tls } = this.#options;
    return `${tls === undefined ? "redis" : "rediss"}://${password === undefined ? "" : `:${password}@`}127.0.0.1:${this.port}`;
  }

  get pid(): number {
    if (this.#process?.pid === undefined) throw new Error("Redis does not run");
    return this.#process.pid;
  }

  async initialise(): Promise<void> {
    await chmod(this.dir, 0o700);
    for (let attempt = 1; this.#process === undefined; attempt++) {
      [this.port = 0] = await freePorts(1);
      try {
        await this.restart();
      } catch (error) {
        // Another process may have taken the port in between.
        if (attempt === 5 || !String(error).includes("already in use")) throw error;
      }
    }
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL"); // which a process that stands still obeys as well
  }

  async shutdown(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  async restart({ empty = false }: { readonly empty?: boolean } = {}): Promise<void> {
    await this.kill();
    if (empty) await rm(this.dir, { recursive: true, force: true });
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const command = [findServer() ?? "redis-server", ...this.#arguments()];
    const [program = "", ...args] = existsSync(SETPRIV) ? [SETPRIV, "--pdeathsig", "KILL", ...command] : command;
    const child = spawn(program, args, { cwd: this.dir, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    const hear = (chunk: Buffer): void => void (said = (said + chunk.toString()).slice(-16_384));
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    this.#process = child;
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`redis-server ended with ${String(code)}: ${said}`);
    });
    await Promise.race([this.#answers(), ended]).catch(async (error: unknown) => {
      await this.kill();
      throw error;
    });
    ended.catch(() => undefined);
    child.unref();
    for (const stream of [child.stdout, child.stderr]) (stream as { unref?: () => void }).unref?.();
  }

  /** Resolves when it answers, its append-only file read. */
  async #answers(): Promise<void> {
    const { tls } = this.#options;
    const client = new Redis(this.url, {
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
      ...(tls === undefined ? {} : { tls: { rejectUnauthorized: false } }),
    });
    client.on("error", () => undefined);
    const timer = setTimeout(() => client.disconnect(), READY_TIMEOUT_MS);
    try {
      await client.ping();
    } finally {
      clearTimeout(timer);
      client.disconnect();
    }
  }

  #arguments(): string[] {
    const { password, tls, addresses = "127.0.0.1", settings } = this.#options;
    const port = String(this.port);
    const secured = tls && {
      port: "0",
      "tls-port": port,
      "tls-cert-file": tls.certFile,
      "tls-key-file": tls.keyFile,
      "tls-ca-cert-file": tls.caFile,
      "tls-auth-clients": "no",
    };
    const all = { port, bind: addresses, dir: this.dir, ...DURABLE, ...secured, ...settings };
    const asked = password === undefined ? [] : ["--requirepass", password];
    return [
      ...Object.entries(all).flatMap(([name, value]) => [
        `--${name}`,
        ...(name === "bind" ? value.split(" ") : [value]),
      ]),
      ...asked,
    ];
  }

  pause(): void {
    process.kill(this.pid, "SIGSTOP");
  }

  resume(): void {
    process.kill(this.pid, "SIGCONT");
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.dir, { recursive: true, force: true });
  }
}
