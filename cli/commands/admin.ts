import { randomUUID } from "node:crypto";
import { z } from "zod";
import { DeadLetterRetries, DeadLettersDropped } from "../../contracts/dead-letter-api.ts";
import { AuditList, DeadLetterList, QueueList, WorkerList } from "../../contracts/http-api.ts";
import { TaskStatus } from "../../contracts/task.ts";
import { checkedId, Context, type GlobalOptions } from "../context.ts";
import { UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { instant } from "../instant.ts";
import { brief, duration, localTime } from "../output/format.ts";
import { forTerminal } from "../output/style.ts";
import { table } from "../output/table.ts";
import type { PageOptions } from "./workspace.ts";

export async function workers(options: GlobalOptions): Promise<number> {
  const context = await Context.create(options);
  const list = await context.client.call("GET", "/api/admin/workers", WorkerList);
  context.answer(list, () => {
    if (list.items.length === 0) return "no workers";
    const rows = list.items.map((worker) => [
      worker.workerId,
      worker.alive ? context.style.green("alive") : context.style.red("lost"),
      `${worker.activeTasks}/${worker.concurrency}`,
      `${duration(worker.heartbeatAgeSeconds * 1_000)} ago`,
      localTime(worker.startedAt),
    ]);
    return table(["WORKER", "STATE", "TASKS>", "HEARTBEAT>", "STARTED"], rows);
  });
  return EXIT.ok;
}

export async function queues(options: GlobalOptions): Promise<number> {
  const context = await Context.create(options);
  const list = await context.client.call("GET", "/api/admin/queues", QueueList);
  context.answer(list, () => {
    const rows = list.items.map((queue) => [
      queue.priority,
      String(queue.waiting),
      String(queue.admitted),
      String(queue.running),
      queue.waiting === 0 ? "" : duration(queue.oldestWaitingSeconds * 1_000),
    ]);
    return `${table(["PRIORITY", "WAITING>", "ADMITTED>", "RUNNING>", "OLDEST>"], rows)}\n\ndead letters: ${list.deadLetters}`;
  });
  return EXIT.ok;
}

export async function deadLetterList(options: PageOptions): Promise<number> {
  const context = await Context.create(options);
  const query = { limit: options.limit, cursor: options.cursor, workspaceId: options.workspace };
  const list = await context.client.call("GET", "/api/admin/dead-letters", DeadLetterList, { query });
  context.answer(list, () => {
    if (list.items.length === 0) return "no dead letters";
    const rows = list.items.map((task) => [
      task.taskId,
      task.workspaceId,
      localTime(task.completedAt),
      brief(forTerminal(task.error?.message ?? "", false), 80),
    ]);
    return table(["TASK", "WORKSPACE", "FAILED", "ERROR"], rows);
  });
  if (!context.json && list.nextCursor !== null) context.note(`More: add --cursor ${list.nextCursor}`);
  return EXIT.ok;
}

/** Which of all dead letters are meant; --workspace selects, too. */
export interface DeadLetterFilterOptions extends GlobalOptions {
  readonly all?: boolean;
  readonly error?: string;
  readonly before?: string;
}

const selectionOf = (options: DeadLetterFilterOptions) => ({
  workspaceId: options.workspace,
  errorCode: options.error,
  failedBefore: instant(options.before),
});

/** One, or with --all those that the other options select. @throws UsageError for both or neither */
function wantsAll(ids: readonly string[], { all = false, error, before }: DeadLetterFilterOptions): boolean {
  if (all === ids.length > 0 || (!all && (error ?? before) !== undefined)) {
    throw new UsageError("neither one nor all are named", "Name tasks, or give --all with what selects them.");
  }
  return all;
}

async function retryAll(options: DeadLetterFilterOptions): Promise<number> {
  const context = await Context.create(options);
  const path = "/api/admin/dead-letters/retry";
  const body = selectionOf(options);
  const retries = await context.client.call("POST", path, DeadLetterRetries, { body, repeatable: true });
  context.answer(retries, () => {
    const rows = retries.items.map(({ taskId, newTaskId, error }) => [
      taskId,
      newTaskId ?? "-",
      brief(forTerminal(error?.message ?? "", false), 80),
    ]);
    return `${table(["TASK", "NEW TASK", "REFUSED"], rows)}\n\nstill on the list: ${retries.remaining}`;
  });
  return EXIT.ok;
}

export async function deadLetterRetry(id: string | undefined, options: DeadLetterFilterOptions): Promise<number> {
  if (wantsAll(id === undefined ? [] : [id], options) || id === undefined) return retryAll(options);
  const context = await Context.create(options);
  const path = `/api/admin/dead-letters/${checkedId("task", id)}/retry`;
  const status = await context.client.call("POST", path, TaskStatus, { body: { newTaskId: randomUUID() } });
  context.answer(status, () => status.taskId);
  return EXIT.ok;
}

export async function deadLetterDrop(ids: readonly string[], options: DeadLetterFilterOptions): Promise<number> {
  const context = await Context.create(options);
  if (wantsAll(ids, options)) {
    const path = "/api/admin/dead-letters/drop";
    const body = selectionOf(options);
    const answer = await context.client.call("POST", path, DeadLettersDropped, { body, repeatable: true });
    context.answer(answer, () => `dropped ${answer.dropped}`);
    return EXIT.ok;
  }
  const taskIds = ids.map((id) => checkedId("task", id));
  for (const taskId of taskIds) await context.client.call("DELETE", `/api/admin/dead-letters/${taskId}`, z.null());
  context.answer({ dropped: taskIds }, () => taskIds.map((taskId) => `dropped ${taskId}`).join("\n"));
  return EXIT.ok;
}

export interface AuditOptions extends PageOptions {
  readonly action?: string;
}

export async function auditLog(options: AuditOptions): Promise<number> {
  const context = await Context.create(options);
  const query = {
    workspaceId: options.workspace,
    action: options.action,
    limit: options.limit,
    cursor: options.cursor,
  };
  const list = await context.client.call("GET", "/api/admin/audit-log", AuditList, { query });
  context.answer(list, () => {
    if (list.items.length === 0) return "no entries";
    const clean = (text: string, length: number): string => brief(forTerminal(text, false), length);
    const rows = list.items.map((entry) => [
      localTime(entry.at),
      clean(entry.actor, 60),
      entry.action,
      entry.outcome === "ok" ? "ok" : context.style.yellow(entry.outcome) + earlier(entry.suppressed),
      clean(entry.target, 100),
    ]);
    return table(["TIME", "ACTOR", "ACTION", "OUTCOME", "TARGET"], rows);
  });
  if (!context.json && list.nextCursor !== null) context.note(`More: add --cursor ${list.nextCursor}`);
  return EXIT.ok;
}

/** Refusals that have no row of their own. */
const earlier = (count: number): string => (count === 0 ? "" : ` (and ${count} before)`);
