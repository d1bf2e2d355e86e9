import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { AgentTaskInput } from "../../../contracts/task.ts";
import type { TestPlatform } from "../../support/platform.ts";
import { effectsOf, filesHolding, leftOnMachine } from "./left-overs.ts";
import { RecordReader, type EndedTask } from "./record-reader.ts";

/** What a row of the table needs of an installation: the local phase's here, others' may be given as well. */
export type FaultyPlatform = Pick<
  TestPlatform,
  "adminToken" | "apis" | "workers" | "gateway" | "postgres" | "workspacesDir" | "directory" | "request"
>;

export interface LoadOptions {
  /** @default 1_000 */
  readonly tasks?: number;
  /** @default 50 */
  readonly workspaces?: number;
  /** Each task is submitted so often, at the same moment and through every API in turn. @default 1 */
  readonly submissions?: number;
  /** Every so many tasks one runs a command in a sandbox; the others write a file by the worker's own hand. @default 4 */
  readonly commandEvery?: number;
  /** How long a command waits before it does what it leaves a trace of. @default 0 */
  readonly commandSeconds?: number;
  /** Whether each command is given a credential of its workspace, as a file, and prints it. @default false */
  readonly credential?: boolean;
}

export const TASKS = Number(process.env["FAULT_TASKS"] ?? 1_000);
const DEFAULTS = {
  tasks: TASKS,
  workspaces: 50,
  submissions: 1,
  commandEvery: 4,
  commandSeconds: 0,
  credential: false,
};
const SUBMITTERS = 8;
const RETRY_MS = 100;
/** How long what follows the last end, such as the removal of its folder, may take. */
const SETTLED_WITHIN_MS = 30_000;
/** A submit that is not answered by then was lost, or its API stands still. */
const SUBMIT_TIMEOUT_MS = 15_000;

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

/** Of the commands so many times fewer may use the network, which costs a sandbox half as much again. */
const NETWORK_EVERY = 3;

/**
 * Many small tasks over many workspaces. Each that runs a command leaves one file of its own for every time that it has
 * run: a name that nothing else can take (mktemp opens with O_EXCL), with a birth that tells when. Each of the others
 * leaves one file, made anew whenever it is written.
 */
export class Load {
  readonly #platform: FaultyPlatform;
  readonly #record: RecordReader;
  readonly #options: Required<LoadOptions>;
  /** What every task's credential holds. */
  readonly #secret = randomBytes(24).toString("hex");
  /** Tasks that are given it. */
  readonly #given = new Set<string>();
  /** Of every worker process there was. */
  readonly #workerPids = new Set<number>();
  #acknowledged = 0;
  #submitting: Promise<unknown> = Promise.resolve();

  constructor(platform: FaultyPlatform, options: LoadOptions = {}) {
    this.#platform = platform;
    this.#record = new RecordReader(platform.postgres.adminUrl.replace(/\/postgres$/, "/automatos"));
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Begins to submit; resolves when the workspaces are there. */
  async begin(): Promise<void> {
    const { tasks, workspaces, submissions } = this.#options;
    const ids = await Promise.all(Array.from({ length: workspaces }, () => this.#createWorkspace()));
    let next = 0;
    const submitter = async (): Promise<void> => {
      while (next < tasks) {
        const number = next++;
        const task = this.#task(ids[number % ids.length] ?? "", number);
        await Promise.all(Array.from({ length: submissions }, (_unused, index) => this.#submit(task, index)));
        this.#acknowledged += 1;
      }
    };
    this.#submitting = Promise.all(Array.from({ length: SUBMITTERS }, submitter));
    this.#submitting.catch(() => undefined); // it is waited for in finish()
  }

  async #createWorkspace(): Promise<string> {
    const { request } = this.#platform;
    const workspaceId = randomUUID();
    await request("POST", "/api/workspaces", { workspaceId, name: workspaceId, plan: "pro" });
    if (this.#options.credential) {
      const body = { kind: "file", path: TOKEN_FILE, content: this.#secret };
      await request("PUT", `/api/workspaces/${workspaceId}/credentials/${CREDENTIAL}`, body);
    }
    return workspaceId;
  }

  #task(workspaceId: string, number: number): AgentTaskInput {
    const { commandEvery, commandSeconds, credential } = this.#options;
    const task = { taskId: randomUUID(), workspaceId, maxRetries: 10 };
    if (number % commandEvery !== 0) {
      const input = { path: `artifacts/${task.taskId}.written`, content: task.taskId };
      return { ...task, steps: [{ tool: "write_file", input }] };
    }
    const argv = [
      ...["find", "artifacts", "-maxdepth", "0"],
      ...(commandSeconds > 0 ? ["-exec", "sleep", String(commandSeconds), ";"] : []),
      ...["-exec", "mktemp", `artifacts/${task.taskId}.XXXXXXXX`, ";"],
      ...(credential ? ["-exec", "cat", TOKEN_FILE, ";"] : []),
    ] as [string, ...string[]];
    if (credential) this.#given.add(task.taskId);
    return {
      ...task,
      resources: { networkAccess: (number / commandEvery) % NETWORK_EVERY === 0 },
      credentials: credential ? [CREDENTIAL] : [],
      steps: [{ tool: "execute_command", input: { argv } }],
    };
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
        signal: AbortSignal.timeout(SUBMIT_TIMEOUT_MS),
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
    const broken = await this.#untilSettled();
    const rows = await this.#record.ended();
    const effects = await effectsOf(this.#platform.workspacesDir);
    const statuses: Record<string, number> = {};
    let [startedAgain, doneAgain] = [0, 0];
    for (const row of rows) {
      const how = row.error_code === null ? row.status : `${row.status} ${row.error_code}`;
      statuses[how] = (statuses[how] ?? 0) + 1;
      const births = effects.get(row.id) ?? [];
      startedAgain += Math.max(0, row.starts - 1);
      doneAgain += Math.max(0, births.length - 1);
      broken.push(...brokenPromises(row, births, this.#given.has(row.id)));
    }
    if (rows.length !== this.#acknowledged) broken.push(`${this.#acknowledged} acknowledged, ${rows.length} recorded`);
    if (this.#options.credential) broken.push(...(await this.#leakedSecrets()));
    return { acknowledged: this.#acknowledged, statuses, startedAgain, doneAgain, broken };
  }

  /** What is still left when there was time enough to take it away. */
  async #untilSettled(): Promise<string[]> {
    const leftOvers = async (): Promise<string[]> => [
      ...(await this.#record.leftOvers()),
      ...(await leftOnMachine(this.#platform.workspacesDir, this.#workerPids)),
    ];
    let left = await leftOvers();
    for (const deadline = performance.now() + SETTLED_WITHIN_MS; left.length > 0 && performance.now() < deadline;) {
      await delay(RETRY_MS);
      left = await leftOvers();
    }
    return left;
  }

  async #leakedSecrets(): Promise<string[]> {
    const { workspacesDir, directory } = this.#platform;
    const files = await filesHolding([workspacesDir, directory], this.#secret);
    const rows = await this.#record.countHolding(this.#secret);
    return [
      ...files.map((file) => `a credential's value is left in ${file}`),
      ...(rows === 0 ? [] : [`a credential's value is in ${rows} rows of the record`]),
    ];
  }

  async close(): Promise<void> {
    await this.#record.close();
  }
}

const CREDENTIAL = "token";
/** In the home of the task, which is its workspace. */
const TOKEN_FILE = ".token-of-the-tests";

/** What is promised of one task, and did not hold. `births`: when it was done; `given`: whether it has a credential. */
function brokenPromises(task: EndedTask, births: readonly number[], given: boolean): string[] {
  const { id, status, starts, ends } = task;
  const broken: string[] = [];
  if (ends !== 1) broken.push(`task ${id} has ${ends} terminal events`);
  if (births.length > starts) broken.push(`task ${id} was done ${births.length} times in ${starts} starts`);
  if (status === "completed" && births.length === 0) broken.push(`task ${id} completed and did nothing`);
  if (status === "completed" && given && !task.redacted) broken.push(`task ${id} was not given its credential`);
  if (births.some((birth) => birth > task.completed_at.getTime()))
    broken.push(`task ${id} was done again after its result stood in the record`);
  return broken;
}
