import { randomUUID } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { AgentTaskInput } from "../../../contracts/task.ts";
import type { TestPlatform } from "../../support/platform.ts";

/** What a row of the table needs of an installation: the local phase's here, others' may be given as well. */
export type FaultyPlatform = Pick<
  TestPlatform,
  "adminToken" | "apis" | "workers" | "gateway" | "postgres" | "workspacesDir" | "createWorkspace"
>;

export interface LoadOptions {
  /** @default 1_000 */
  readonly tasks?: number;
  /** @default 50 */
  readonly workspaces?: number;
  /** Each task is submitted so often, at the same moment and through every API in turn. @default 1 */
  readonly submissions?: number;
}

export const TASKS = Number(process.env["FAULT_TASKS"] ?? 1_000);
const WORKSPACES = 50;
const SUBMITTERS = 8;
const RETRY_MS = 100;

interface EndedRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly status: string;
  readonly error_code: string | null;
  readonly completed_at: Date;
  readonly starts: number;
  readonly ends: number;
}

/** What a load came to, by the record and by what its tasks have left in their workspaces. */
export interface LoadReport {
  readonly acknowledged: number;
  /** Tasks by status, and by the code of their error where they have one. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Starts beyond the first: allowed after a loss, and counted. */
  readonly startedAgain: number;
  /** Effects of tasks beyond the first: what was done again by a later start. */
  readonly doneAgain: number;
  /** Each sentence is a broken promise. */
  readonly broken: readonly string[];
}

/**
 * Many small tasks over many workspaces, each of which leaves one file of its own for every time that its command has
 * run: a name that nothing else can take (mktemp opens with O_EXCL), with a birth that tells when.
 */
export class Load {
  readonly #platform: FaultyPlatform;
  readonly #record: RecordReader;
  readonly #options: Required<LoadOptions>;
  /** Of every worker process there was. */
  readonly #workerPids = new Set<number>();
  #acknowledged = 0;
  #submitting: Promise<unknown> = Promise.resolve();

  constructor(platform: FaultyPlatform, options: LoadOptions = {}) {
    this.#platform = platform;
    this.#record = new RecordReader(platform.postgres.adminUrl.replace(/\/postgres$/, "/automatos"));
    this.#options = { tasks: TASKS, workspaces: WORKSPACES, submissions: 1, ...options };
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Begins to submit; resolves when the workspaces are there. */
  async begin(): Promise<void> {
    const { tasks, workspaces, submissions } = this.#options;
    const ids = await Promise.all(Array.from({ length: workspaces }, () => this.#platform.createWorkspace()));
    let next = 0;
    const submitter = async (): Promise<void> => {
      while (next < tasks) {
        const task = aTask(ids[next++ % ids.length] ?? "");
        await Promise.all(Array.from({ length: submissions }, (_unused, index) => this.#submit(task, index)));
        this.#acknowledged += 1;
      }
    };
    this.#submitting = Promise.all(Array.from({ length: SUBMITTERS }, submitter));
  }

  /** As a careful client does: the same id again until it is acknowledged. */
  async #submit(task: AgentTaskInput, index: number): Promise<void> {
    const { apis, adminToken } = this.#platform;
    for (let attempt = index; ; attempt++) {
      const api = apis[attempt % apis.length];
      const response = await fetch(`${api?.healthUrl}/api/tasks`, {
        method: "POST",
        headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
        body: JSON.stringify(task),
      }).catch(() => undefined);
      const body = await response?.text().catch(() => undefined);
      if (response?.ok === true && body !== undefined) return;
      if (response !== undefined && response.status < 500) throw new Error(`submit: ${response.status} ${body}`);
      await delay(RETRY_MS);
    }
  }

  /** Resolves when so many tasks have ended. */
  async untilEnded(count: number): Promise<void> {
    for (const { pid } of this.#platform.workers) this.#workerPids.add(pid);
    while ((await this.#record.countEnded()) < count) await delay(RETRY_MS);
  }

  /** Resolves when all have ended, with what became of them. */
  async finish(): Promise<LoadReport> {
    await this.#submitting;
    await this.untilEnded(this.#options.tasks);
    // What follows the last end, such as the removal of its folder, is still under way.
    let broken = await this.#leftOvers();
    for (const deadline = Date.now() + 30_000; broken.length > 0 && Date.now() < deadline;) {
      await delay(RETRY_MS);
      broken = await this.#leftOvers();
    }
    const rows = await this.#record.ended();
    const effects = await this.#effects();
    const statuses: Record<string, number> = {};
    let [startedAgain, doneAgain] = [0, 0];
    for (const row of rows) {
      const how = row.error_code === null ? row.status : `${row.status} ${row.error_code}`;
      statuses[how] = (statuses[how] ?? 0) + 1;
      startedAgain += Math.max(0, row.starts - 1);
      if (row.ends !== 1) broken.push(`task ${row.id} has ${row.ends} terminal events`);
      const births = effects.get(row.id) ?? [];
      doneAgain += Math.max(0, births.length - 1);
      if (births.length > row.starts)
        broken.push(`task ${row.id} was done ${births.length} times in ${row.starts} starts`);
      if (births.length === 0 && row.status === "completed") broken.push(`task ${row.id} completed and did nothing`);
      const late = births.filter((birth) => birth > row.completed_at.getTime());
      if (late.length > 0) broken.push(`task ${row.id} was done again after its result stood in the record`);
    }
    if (rows.length !== this.#acknowledged) broken.push(`${this.#acknowledged} acknowledged, ${rows.length} recorded`);
    return { acknowledged: this.#acknowledged, statuses, startedAgain, doneAgain, broken };
  }

  async close(): Promise<void> {
    await this.#record.close();
  }

  /** When each task's command has run. */
  async #effects(): Promise<Map<string, number[]>> {
    const births = new Map<string, number[]>();
    const { workspacesDir } = this.#platform;
    for (const workspace of await readdir(workspacesDir)) {
      const folder = path.join(workspacesDir, workspace, "artifacts");
      for (const name of await readdir(folder).catch(() => [])) {
        const [taskId = ""] = name.split(".");
        const { birthtimeMs } = await stat(path.join(folder, name));
        births.set(taskId, [...(births.get(taskId) ?? []), birthtimeMs]);
      }
    }
    return births;
  }

  /** What tasks that have ended must not leave: slots, leases, files, processes, mounts, cgroups. */
  async #leftOvers(): Promise<string[]> {
    const { workspacesDir } = this.#platform;
    const left = await this.#record.leftOvers();
    for (const workspace of await readdir(workspacesDir)) {
      const folder = path.join(workspacesDir, workspace);
      for (const name of await readdir(path.join(folder, "tasks")).catch(() => [])) left.push(`folder ${name} is left`);
      for (const name of await readdir(path.join(folder, ".ssh")).catch(() => []))
        left.push(`credential ${name} is left`);
      if ((await stat(path.join(folder, ".gitconfig")).catch(() => undefined)) !== undefined)
        left.push(".gitconfig is left");
    }
    return [
      ...left,
      ...(await leftProcesses(workspacesDir)),
      ...(await leftMounts(workspacesDir)),
      ...(await leftCgroups([...this.#workerPids])),
    ];
  }
}

const aTask = (workspaceId: string): AgentTaskInput => {
  const taskId = randomUUID();
  const effect = ["find", "artifacts", "-maxdepth", "0", "-exec", "mktemp", `artifacts/${taskId}.XXXXXXXX`, ";"];
  const argv = effect as [string, ...string[]];
  return { taskId, workspaceId, maxRetries: 10, steps: [{ tool: "execute_command", input: { argv } }] };
};

/** Reads the record as its owner does; a server that is away for a while is waited for. */
class RecordReader {
  readonly #pool: pg.Pool;

  constructor(url: string) {
    this.#pool = new pg.Pool({ connectionString: url, max: 2 });
    this.#pool.on("error", () => undefined);
  }

  async countEnded(): Promise<number> {
    const [row] = await this.#query<{ count: number }>(
      "SELECT count(*)::int AS count FROM task_executions WHERE is_terminal(status)",
    );
    return row?.count ?? 0;
  }

  ended(): Promise<EndedRow[]> {
    return this.#query<EndedRow>(
      `SELECT t.id, t.workspace_id, t.status, t.error_code, t.completed_at, e.starts, e.ends
       FROM task_executions t JOIN (
         SELECT task_id, count(*) FILTER (WHERE body ->> 'type' = 'task_started')::int AS starts,
           count(*) FILTER (WHERE body ->> 'type' = 'task_ended')::int AS ends
         FROM task_events GROUP BY task_id
       ) e ON e.task_id = t.id WHERE is_terminal(t.status)`,
    );
  }

  async leftOvers(): Promise<string[]> {
    const [row] = await this.#query<{ leases: number; slots: number }>(
      `SELECT (SELECT count(*)::int FROM leases) AS leases, (SELECT count(*)::int FROM task_executions
         WHERE status IN ('queued', 'scheduled', 'running') AND admitted_at IS NOT NULL) AS slots`,
    );
    return Object.entries(row ?? {}).flatMap(([name, count]) => (count === 0 ? [] : [`${count} ${name} are left`]));
  }

  async #query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    for (;;) {
      try {
        return (await this.#pool.query<Row>(text)).rows;
      } catch {
        await delay(RETRY_MS);
      }
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}

/** Processes that name the folder of the workspaces: each sandbox is given it as an argument. */
async function leftProcesses(folder: string): Promise<string[]> {
  const left: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await read(`/proc/${pid}/cmdline`);
    if (command.includes(folder)) left.push(`process ${pid} is left: ${command.split("\0").slice(0, 3).join(" ")}`);
  }
  return left;
}

async function leftMounts(folder: string): Promise<string[]> {
  const mounts = (await read("/proc/self/mountinfo")).split("\n").filter((line) => line.includes(`${folder}/`));
  return mounts.map((line) => `mount ${line.split(" ")[4] ?? ""} is left`);
}

/** Cgroups of these workers' commands: they are named after the process that made them. */
async function leftCgroups(pids: readonly number[]): Promise<string[]> {
  const own = new RegExp(`/automatos-(${pids.join("|")})-[^/]*$`);
  const folders = await readdir("/sys/fs/cgroup", { recursive: true }).catch(() => []);
  return folders.filter((name) => own.test(`/${name}`)).map((name) => `cgroup ${name} is left`);
}

const read = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");
