import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { z } from "zod";
import { TaskSubmission, type TaskSubmissionInput } from "../../contracts/http-api.ts";
import { TaskStatus } from "../../contracts/task.ts";
import { Context, type GlobalOptions } from "../context.ts";
import { UsageError } from "../errors.ts";
import { instant } from "../instant.ts";
import { followTask } from "./task-follow.ts";

/** A step in the order in which it stood on the command line. */
export type StepFlag =
  { readonly kind: "json"; readonly text: string } | { readonly kind: "command"; readonly text: string };

export interface TaskRunOptions extends GlobalOptions {
  readonly id?: string;
  readonly prompt?: string;
  readonly systemPrompt?: string;
  readonly tool?: readonly string[];
  readonly model?: string;
  readonly maxSteps?: number;
  readonly tokenBudget?: number;
  readonly credential?: readonly string[];
  readonly steps: readonly StepFlag[];
  readonly file?: string;
  readonly repo?: readonly string[];
  readonly type?: string;
  readonly priority?: string;
  readonly timeout?: number;
  readonly maxRetries?: number;
  readonly approvalTimeout?: number;
  readonly correlationId?: string;
  readonly notBefore?: string;
  /** False for `--no-network`. */
  readonly network: boolean;
  readonly detach?: boolean;
}

export async function taskRun(options: TaskRunOptions): Promise<number> {
  const task = await submission(options);
  const context = await Context.create(options);
  const workspaceId = task.workspaceId ?? context.defaultWorkspaceId;
  // The id is chosen here, so that a submission whose answer was lost can be sent again.
  const body = { ...task, taskId: task.taskId ?? randomUUID(), ...(workspaceId === undefined ? {} : { workspaceId }) };
  const status = await context.client.call("POST", "/api/tasks", TaskStatus, { body, repeatable: true });

  if (options.detach !== true) {
    if (!context.json) context.write(`task ${context.style.bold(status.taskId)}\n`);
    return followTask(context, status.taskId);
  }
  context.answer(status, () => status.taskId);
  if (!context.json && process.stdout.isTTY) context.note(`Follow it with \`automatos task events ${status.taskId}\`.`);
  return 0;
}

/** What the flags and the file say, checked as the API will. @throws UsageError with every mistake. */
export async function submission(options: TaskRunOptions): Promise<TaskSubmission> {
  const base = options.file === undefined ? {} : await readTask(options.file);
  const steps = [...(base.steps ?? []), ...options.steps.map((flag) => toStep(flag, options.timeout))];
  const repositories = [...(base.repositories ?? []), ...(options.repo ?? []).map(toRepository)];
  const resources = {
    ...base.resources,
    ...(options.network ? {} : { networkAccess: false }),
    ...((options.repo ?? []).length === 0 ? {} : { repoClone: true }),
  };
  const flags = {
    taskId: options.id,
    workspaceId: options.workspace,
    prompt: options.prompt,
    systemPrompt: options.systemPrompt,
    tools: options.tool === undefined ? undefined : [...(base.tools ?? []), ...options.tool],
    credentials: options.credential === undefined ? undefined : [...(base.credentials ?? []), ...options.credential],
    model: options.model,
    maxSteps: options.maxSteps,
    tokenBudget: options.tokenBudget,
    taskType: options.type,
    priority: options.priority,
    timeoutSeconds: options.timeout,
    maxRetries: options.maxRetries,
    approvalTimeoutSeconds: options.approvalTimeout,
    correlationId: options.correlationId,
    notBefore: instant(options.notBefore),
  };
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const parsed = TaskSubmission.safeParse({ ...base, ...given, steps, repositories, resources });
  if (!parsed.success) {
    throw new UsageError("the task is not valid", "See `automatos task run --help`.", lines(parsed.error));
  }
  if (parsed.data.steps.length === 0 && parsed.data.prompt === "") {
    throw new UsageError("the task has nothing to do", "Give --command, --step, --prompt or --file.");
  }
  return parsed.data;
}

async function readTask(file: string): Promise<Partial<TaskSubmissionInput>> {
  const name = file === "-" ? "the standard input" : file;
  let content: string;
  try {
    content = file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(`${name} cannot be read: ${(error as Error).message}`, "Name a file with a task in JSON.");
  }
  const task = parseJson(content, name);
  if (typeof task !== "object" || task === null || Array.isArray(task)) {
    throw new UsageError(`${name} holds no task`, 'A task is a JSON object such as {"prompt": "…", "steps": []}.');
  }
  return task;
}

/** A command may take as long as its task: the default of a minute would surprise whoever gave the task an hour. */
function toStep(
  flag: StepFlag,
  timeoutSeconds = DEFAULT_TIMEOUT_SECONDS,
): NonNullable<TaskSubmissionInput["steps"]>[number] {
  if (flag.kind === "command") return { tool: "execute_command", input: { command: flag.text, timeoutSeconds } };
  return parseJson(flag.text, `--step ${flag.text}`) as NonNullable<TaskSubmissionInput["steps"]>[number];
}
const DEFAULT_TIMEOUT_SECONDS = 300;

/** `url[#ref]`; the folder is named as git would name it. */
function toRepository(text: string): { url: string; name: string; ref?: string } {
  const hash = text.indexOf("#");
  const url = hash === -1 ? text : text.slice(0, hash);
  const last = url.replace(/\/+$/, "").split("/").at(-1) ?? "";
  const name = last.replace(/\.git$/, "").replaceAll(/[^A-Za-z0-9._-]/g, "-");
  return { url, name, ...(hash === -1 ? {} : { ref: text.slice(hash + 1) }) };
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${name} is not JSON: ${(error as Error).message}`, "Quote the JSON for your shell.");
  }
}

const lines = (error: z.ZodError): string[] => z.prettifyError(error).split("\n");
