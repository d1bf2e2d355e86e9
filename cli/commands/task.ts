import { instant } from "../instant.ts";
import { randomUUID } from "node:crypto";
import { LogEntry, TaskCancellation, TaskDetails, TaskList } from "../../contracts/http-api.ts";
import { isTerminal, TaskResult, TaskStatus } from "../../contracts/task.ts";
import { checkedId, Context, type GlobalOptions } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { brief, duration, localTime } from "../output/format.ts";
import { coloured } from "../output/state.ts";
import { forTerminal } from "../output/style.ts";
import { fields, table } from "../output/table.ts";
import { exitCodeOf, followTask } from "./task-follow.ts";

export interface TaskListOptions extends GlobalOptions {
  readonly status?: readonly string[];
  readonly priority?: readonly string[];
  readonly type?: readonly string[];
  readonly correlationId?: string;
  readonly after?: string;
  readonly before?: string;
  readonly limit?: number;
  readonly cursor?: string;
  readonly allWorkspaces?: boolean;
}

export async function taskList(options: TaskListOptions): Promise<number> {
  const context = await Context.create(options);
  const { style } = context;
  const query = {
    workspaceId: options.allWorkspaces === true ? undefined : context.defaultWorkspaceId,
    status: options.status,
    priority: options.priority,
    taskType: options.type,
    correlationId: options.correlationId,
    submittedAfter: instant(options.after),
    submittedBefore: instant(options.before),
    limit: options.limit,
    cursor: options.cursor,
  };
  const list = await context.client.call("GET", "/api/tasks", TaskList, { query });
  context.answer(list, () => {
    if (list.items.length === 0) return "no tasks";
    const rows = list.items.map((task) => [
      task.taskId,
      coloured(task.status, style),
      task.priority,
      localTime(task.submittedAt),
      tookOf(task),
      brief(forTerminal(task.error?.message ?? "", false), 60),
    ]);
    return table(["TASK", "STATUS", "PRIORITY", "SUBMITTED", "TOOK>", "ERROR"], rows);
  });
  if (!context.json && list.nextCursor !== null) context.note(`More: add --cursor ${list.nextCursor}`);
  return EXIT.ok;
}

const tookOf = ({ startedAt, completedAt }: TaskStatus): string =>
  startedAt === null || completedAt === null ? "" : duration(Date.parse(completedAt) - Date.parse(startedAt));

export async function taskShow(id: string, options: GlobalOptions): Promise<number> {
  const context = await Context.create(options);
  const path = `/api/tasks/${checkedId("task", id)}`;
  const task = await context.client.call("GET", path, TaskDetails);
  const result = isTerminal(task.status) ? await context.client.call("GET", `${path}/result`, TaskResult) : null;
  context.answer({ ...task, result }, () => describe(context, task, result));
  return EXIT.ok;
}

function describe({ style }: Context, task: TaskDetails, result: TaskResult | null): string {
  const clean = (text: string): string => brief(forTerminal(text, false), 200);
  const optional = (name: string, value: string | null): [string, string][] => (value === null ? [] : [[name, value]]);
  const head = fields([
    ["task", task.taskId],
    [
      "status",
      coloured(task.status, style) + (task.cancelRequested && result === null ? " (cancellation requested)" : ""),
    ],
    ...optional("waits", task.waiting && clean(task.waiting.message)),
    ["workspace", task.workspaceId],
    ["type", task.taskType],
    ["priority", task.priority],
    ["attempts", `${task.attempt} (at most ${task.maxRetries + 1})`],
    ["submitted", localTime(task.submittedAt)],
    ["started", localTime(task.startedAt)],
    ["completed", localTime(task.completedAt)],
    ...optional("took", result === null ? null : duration(result.executionTimeMs)),
    ...optional("retry of", task.retryOf),
    ...optional("correlation", task.correlationId === null ? null : clean(task.correlationId)),
    ...optional("prompt", task.task.prompt === "" ? null : clean(task.task.prompt)),
  ]);
  const steps = (result?.steps ?? []).map((step) => [
    String(step.index + 1),
    step.tool,
    step.ok ? style.green("ok") : style.red("failed"),
    step.exitCode === null ? "" : String(step.exitCode),
    duration(step.durationMs),
    clean(step.error?.message ?? ""),
  ]);
  const error =
    task.error === null
      ? []
      : [`${style.red(task.error.code)}: ${clean(task.error.message)}\n${clean(task.error.remedy)}`];
  const stepTable = steps.length === 0 ? [] : [table(["STEP>", "TOOL", "OUTCOME", "EXIT>", "TOOK>", "ERROR"], steps)];
  return [head, ...stepTable, ...error].join("\n\n");
}

export interface TaskLogsOptions extends GlobalOptions {
  readonly follow?: boolean;
}

export async function taskLogs(id: string, options: TaskLogsOptions): Promise<number> {
  const context = await Context.create(options);
  const taskId = checkedId("task", id);
  const path = `/api/tasks/${taskId}/logs`;
  if (options.follow === true) {
    const { follow } = await import("../follow.ts");
    // Whether an entry is the last one cannot be told from it: the API ends the stream with "no content" then.
    const entries = follow(context.client, { path, schema: LogEntry, isLast: () => false });
    for await (const entry of entries) writeEntry(context, entry);
    return EXIT.ok;
  }
  if (context.json) {
    const { parseEvents } = await import("../server-sent-events.ts");
    const headers = { accept: "text/event-stream" };
    const { body } = await context.client.fetch("GET", path, { query: { follow: "false" }, headers });
    for await (const event of body === null ? [] : parseEvents(body)) {
      if (event !== "comment") writeEntry(context, LogEntry.parse(JSON.parse(event.data)));
    }
    return EXIT.ok;
  }
  const { body } = await context.client.fetch("GET", path, {
    query: { follow: "false" },
    headers: { accept: "text/plain" },
  });
  const decoder = new TextDecoder();
  for await (const chunk of body ?? []) writeText(context, decoder.decode(chunk as Uint8Array, { stream: true }));
  return EXIT.ok;
}

function writeEntry(context: Context, entry: LogEntry): void {
  if (context.json) context.writeJsonLine(entry);
  else writeText(context, entry.text);
}

/** As it is into a file or a pipe; without what could harm on a terminal. */
const writeText = (context: Context, text: string): void =>
  context.write(process.stdout.isTTY ? forTerminal(text, context.colours) : text);

export interface TaskEventsOptions extends GlobalOptions {
  readonly after?: number;
}

export async function taskEvents(id: string, options: TaskEventsOptions): Promise<number> {
  const context = await Context.create(options);
  return followTask(context, checkedId("task", id), options.after);
}

export interface TaskCancelOptions extends GlobalOptions {
  readonly wait?: boolean;
}

export async function taskCancel(id: string, options: TaskCancelOptions): Promise<number> {
  const context = await Context.create(options);
  const path = `/api/tasks/${checkedId("task", id)}/cancel`;
  const cancellation = await context.client.call("POST", path, TaskCancellation, { repeatable: true });
  const { accepted, task } = cancellation;
  context.answer(cancellation, () =>
    accepted
      ? `${task.taskId} will be cancelled`
      : `${task.taskId} had already ended: ${coloured(task.status, context.style)}`,
  );
  return EXIT.ok;
}

export interface TaskRetryOptions extends GlobalOptions {
  readonly follow?: boolean;
}

export async function taskRetry(id: string, options: TaskRetryOptions): Promise<number> {
  const context = await Context.create(options);
  const body = { newTaskId: randomUUID() };
  const path = `/api/tasks/${checkedId("task", id)}/retry`;
  const status = await context.client.call("POST", path, TaskStatus, { body, repeatable: true });
  if (options.follow === true) return followTask(context, status.taskId);
  context.answer(status, () => status.taskId);
  return exitCodeOf(status.status) ?? EXIT.ok;
}
