import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import pg from "pg";
import type { AgentTaskInput, TaskResult } from "../../contracts/task.ts";
import { readEvents } from "./events.ts";
import { startPlatform, type PlatformOptions, type TestPlatform } from "./platform.ts";

/** What one process, or all backends of PostgreSQL together, hold. */
export interface Held {
  /** RSS of a process; of PostgreSQL's the shares of all (PSS), since they map the same buffers. */
  readonly megabytes: number;
  readonly descriptors: number;
}

export interface SoakSample {
  /** Tasks that had ended. */
  readonly tasks: number;
  readonly processes: Readonly<Record<string, Held>>;
  /** Keys of Redis that stay until somebody removes them, and those that end by themselves. */
  readonly keys: { readonly lasting: number; readonly expiring: number };
  /** Server processes of PostgreSQL, one for each connection and some of its own. */
  readonly connections: number;
}

const WORKSPACES = 50;
const CLIENTS = 16;
/** Results are kept for an hour; of a day's tasks that is so many parts. */
const HOURS = 24;

/** A platform under the mixed load of many days, with clients who follow, wait, or look away. */
export class Soak {
  readonly platform: TestPlatform;
  readonly #upstream: Upstream;
  readonly #redis: Redis;
  readonly #postmaster: number;
  readonly #redisPid: number;
  readonly #workspaces: readonly string[];
  #ended = 0;
  #kept: string[] = [];

  private constructor(parts: {
    readonly platform: TestPlatform;
    readonly upstream: Upstream;
    readonly redis: Redis;
    readonly postmaster: number;
    readonly redisPid: number;
    readonly workspaces: readonly string[];
  }) {
    this.platform = parts.platform;
    this.#upstream = parts.upstream;
    this.#redis = parts.redis;
    this.#postmaster = parts.postmaster;
    this.#redisPid = parts.redisPid;
    this.#workspaces = parts.workspaces;
  }

  static async start(options: PlatformOptions = {}): Promise<Soak> {
    const upstream = await startUpstream();
    const platform = await startPlatform({
      queue: "redis",
      ...options,
      workerEnv: { WORKER_CONCURRENCY: "6", ...options.workerEnv },
      gatewayEnv: { DEFAULT_EGRESS_RULES: `127.0.0.1:${upstream.port}`, ...options.gatewayEnv },
      planLimits: { pro: { submissionsPerMinute: 1_000_000 } },
    });
    try {
      return await Soak.#on(platform, upstream);
    } catch (error) {
      await platform.stop();
      upstream.close();
      throw error;
    }
  }

  static async #on(platform: TestPlatform, upstream: Upstream): Promise<Soak> {
    if (platform.redis === undefined) throw new TypeError("a soak counts the keys of Redis: it needs queues there");
    const redis = new Redis(platform.redis.url);
    const workspaces = await Promise.all(Array.from({ length: WORKSPACES }, () => platform.createWorkspace()));
    for (const workspaceId of workspaces) {
      const credential = { kind: "file", path: TOKEN_FILE, content: randomBytes(24).toString("hex") };
      await platform.request("PUT", `/api/workspaces/${workspaceId}/credentials/token`, credential);
    }
    const postmaster = await findPostmaster(platform.postgres.adminUrl);
    return new Soak({ platform, upstream, redis, postmaster, redisPid: platform.redis.pid, workspaces });
  }

  /** Runs `tasks` tasks to their ends. @throws when one of them does not complete */
  async run(tasks: number, totalOfDay: number): Promise<void> {
    let begun = 0;
    const client = async (): Promise<void> => {
      while (begun < tasks) {
        const number = begun++;
        const taskId = await this.#runOne(number);
        this.#ended += 1;
        await this.#passTime(taskId, Math.ceil(totalOfDay / HOURS));
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  }

  async sample(): Promise<SoakSample> {
    const { api, gateway, workers } = this.platform;
    const services = [api, gateway, ...workers].map(({ name, pid }) => [name, heldBy(pid)] as const);
    const backends = [this.#postmaster, ...childrenOf(this.#postmaster)].map(heldBy);
    const sum = (pick: (held: Held) => number): number => backends.reduce((total, held) => total + pick(held), 0);
    const info = await this.#redis.info("keyspace");
    const [, keys = "0", expiring = "0"] = /keys=(\d+),expires=(\d+)/.exec(info) ?? [];
    return {
      tasks: this.#ended,
      processes: {
        ...Object.fromEntries(services),
        redis: heldBy(this.#redisPid),
        postgres: { megabytes: sum(({ megabytes }) => megabytes), descriptors: sum(({ descriptors }) => descriptors) },
      },
      keys: { lasting: Number(keys) - Number(expiring), expiring: Number(expiring) },
      connections: backends.length,
    };
  }

  async stop(): Promise<void> {
    this.#redis.disconnect();
    await this.platform.stop();
    this.#upstream.close();
  }

  /** The clients of a day: of ten tasks two are followed, five waited for, and three asked about now and then. */
  async #runOne(number: number): Promise<string> {
    const task = this.#task(number);
    await this.platform.request("POST", "/api/tasks", task);
    if (number % 10 < 2) await readEvents(this.platform, task.taskId);
    else if (number % 10 >= 7) await this.platform.request("GET", `/api/tasks/${task.taskId}`);
    for (;;) {
      const route = `/api/tasks/${task.taskId}/result?wait=30`;
      const result = await this.platform.request<TaskResult | null>("GET", route);
      if (result === null || !("status" in result) || ["queued", "running"].includes(result.status)) continue;
      if (result.status !== "completed") throw new Error(`task ${task.taskId}: ${JSON.stringify(result)}`);
      return task.taskId;
    }
  }

  /** Files in most of them; every third runs a command; of these, some use the network and a credential. */
  #task(number: number): AgentTaskInput & { readonly taskId: string } {
    const taskId = randomUUID();
    const workspaceId = this.#workspaces[number % this.#workspaces.length] ?? "";
    const path = `artifacts/${number % 7}.txt`;
    const files: AgentTaskInput["steps"] = [
      { tool: "write_file", input: { path, content: `${taskId}\n`.repeat(100) } },
      { tool: "read_file", input: { path } },
    ];
    if (number % 3 !== 0) return { taskId, workspaceId, steps: files };
    const online = number % 9 === 0;
    const url = `http://127.0.0.1:${this.#upstream.port}/`;
    const argv: [string, ...string[]] = online ? ["curl", "--silent", "--fail", url] : ["cat", TOKEN_FILE];
    return {
      taskId,
      workspaceId,
      credentials: ["token"],
      resources: { networkAccess: online },
      steps: [...files, { tool: "execute_command", input: { argv } }],
    };
  }

  /** As an hour goes by for so many tasks, what Redis keeps for an hour ends after so many. */
  async #passTime(taskId: string, tasksAnHour: number): Promise<void> {
    this.#kept.push(taskId);
    if (this.#kept.length < 2 * tasksAnHour) return;
    const over = this.#kept.slice(0, tasksAnHour);
    this.#kept = this.#kept.slice(tasksAnHour);
    await this.#redis.unlink(over.map((id) => `task:${id}:result`));
  }
}

const TOKEN_FILE = ".token-of-the-soak";

interface Upstream {
  readonly port: number;
  close(): void;
}

/** The outside world that the gateway lets commands reach. */
async function startUpstream(): Promise<Upstream> {
  const server = createServer((_request, response) => response.end("hello\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function findPostmaster(adminUrl: string): Promise<number> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  const status = readFileSync(`/proc/${rows[0]?.pid}/status`, "utf8");
  await client.end();
  return Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]);
}

const childrenOf = (pid: number): number[] =>
  read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);

function heldBy(pid: number): Held {
  const rollup = read(`/proc/${pid}/smaps_rollup`);
  const shared = /^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1];
  const kilobytes = isPostgres(pid) ? shared : /^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1];
  return { megabytes: Number(kilobytes ?? 0) / 1_024, descriptors: countDescriptors(pid) };
}

const isPostgres = (pid: number): boolean => read(`/proc/${pid}/comm`).trim() === "postgres";

function countDescriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0; // it has ended in between
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
