import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import { z } from "zod";
import {
  WorkflowCancellation,
  WorkflowDetails,
  WorkflowExecutionDetails,
  WorkflowExecutionList,
  WorkflowId,
  WorkflowList,
  type ExecutionStep,
} from "../../contracts/workflow.ts";
import { WorkflowRecipe } from "../../contracts/workflow-recipe.ts";
import { checkedId, Context, type GlobalOptions } from "../context.ts";
import { UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { brief, localTime } from "../output/format.ts";
import { coloured } from "../output/state.ts";
import { forTerminal } from "../output/style.ts";
import { fields, table } from "../output/table.ts";
import { followExecution } from "./workflow-follow.ts";

export interface WorkflowRunOptions extends GlobalOptions {
  readonly id?: string;
  readonly file?: string;
  readonly recipeVersion?: number;
  readonly input?: string;
  readonly correlationId?: string;
  readonly detach?: boolean;
}

export async function workflowRun(name: string, options: WorkflowRunOptions): Promise<number> {
  const recipe = options.file === undefined ? undefined : await readRecipe(options.file);
  const context = await Context.create(options);
  const body = {
    // Chosen here, so that a request whose answer was lost can be sent again.
    executionId: options.id === undefined ? randomUUID() : checkedId("execution", options.id),
    workspaceId: context.defaultWorkspaceId,
    ...(recipe === undefined ? {} : { recipe }),
    version: options.recipeVersion,
    ...(options.input === undefined ? {} : { input: parseJson(options.input, "--input") }),
    correlationId: options.correlationId,
  };
  const path = `/api/workflows/${checkedName(name)}/execute`;
  const execution = await context.client.call("POST", path, WorkflowExecutionDetails, { body, repeatable: true });
  if (options.detach === true) {
    context.answer(execution, () => execution.executionId);
    return EXIT.ok;
  }
  if (!context.json) context.write(`execution ${context.style.bold(execution.executionId)}\n`);
  return followExecution(context, execution.executionId);
}

export interface WorkflowPutOptions extends GlobalOptions {
  readonly file: string;
}

export async function workflowPut(name: string, options: WorkflowPutOptions): Promise<number> {
  const body = await readRecipe(options.file);
  const { context, path, query } = await openNamed(name, options);
  const workflow = await context.client.call("PUT", path, WorkflowDetails, { body, query });
  context.answer(workflow, () => `${workflow.workflowId} version ${workflow.version}`);
  return EXIT.ok;
}

export async function workflowRemove(name: string, options: GlobalOptions): Promise<number> {
  const { context, path, query } = await openNamed(name, options);
  await context.client.call("DELETE", path, z.null(), { query });
  context.answer({ workflowId: name }, () => `${name} is removed; its executions go on`);
  return EXIT.ok;
}

export async function workflowRecipes(options: GlobalOptions): Promise<number> {
  const context = await Context.create(options);
  const query = { workspaceId: context.defaultWorkspaceId };
  const list = await context.client.call("GET", "/api/workflows", WorkflowList, { query });
  context.answer(list, () => {
    if (list.items.length === 0) return "no workflows";
    const rows = list.items.map(({ workflowId, version, stepCount, createdAt, description }) => [
      workflowId,
      String(version),
      String(stepCount),
      localTime(createdAt),
      brief(forTerminal(description, false), 60),
    ]);
    return table(["WORKFLOW", "VERSION", "STEPS", "CHANGED", "DESCRIPTION"], rows);
  });
  return EXIT.ok;
}

export interface WorkflowListOptions extends GlobalOptions {
  readonly name?: string;
  readonly status?: readonly string[];
  readonly correlationId?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export async function workflowList(options: WorkflowListOptions): Promise<number> {
  const context = await Context.create(options);
  const query = {
    workspaceId: context.defaultWorkspaceId,
    workflowId: options.name,
    status: options.status,
    correlationId: options.correlationId,
    limit: options.limit,
    cursor: options.cursor,
  };
  const page = await context.client.call("GET", "/api/workflow-executions", WorkflowExecutionList, { query });
  context.answer(page, () => {
    if (page.items.length === 0) return "no executions";
    const rows = page.items.map(({ executionId, workflowId, version, status, steps, createdAt }) => [
      executionId,
      workflowId,
      version === null ? "-" : String(version),
      coloured(status, context.style),
      Object.entries(steps)
        .map(([state, count]) => `${count} ${state}`)
        .join(", "),
      localTime(createdAt),
    ]);
    return table(["EXECUTION", "WORKFLOW", "VERSION", "STATE", "STEPS", "BEGAN"], rows);
  });
  if (!context.json && page.nextCursor !== null) context.note(`More: add --cursor ${page.nextCursor}`);
  return EXIT.ok;
}

export async function workflowShow(id: string, options: GlobalOptions): Promise<number> {
  const { context, path } = await openExecution(id, options);
  const execution = await context.client.call("GET", path, WorkflowExecutionDetails);
  context.answer(execution, () => describe(context, execution));
  return EXIT.ok;
}

function describe({ style }: Context, execution: WorkflowExecutionDetails): string {
  const { error, output, version, retryOf } = execution;
  const about = fields([
    ["execution", execution.executionId],
    ["workflow", `${execution.workflowId}${version === null ? "" : ` version ${version}`}`],
    ["state", `${coloured(execution.status, style)}${execution.cancelRequested ? ", cancel requested" : ""}`],
    ["began", localTime(execution.createdAt)],
    ["ended", localTime(execution.completedAt)],
    ["retry of", retryOf ?? "-"],
    ["error", error === null ? "-" : forTerminal(`${error.code}: ${error.message}`, false)],
    ["output", output === null ? "-" : brief(forTerminal(JSON.stringify(output), false), 500)],
  ]);
  const rows = execution.steps.map((step) => [
    step.stepId,
    step.status === "waiting" || step.status === "starting" || step.status === "submitted" || step.status === "skipped"
      ? step.status
      : coloured(step.status, style),
    step.taskId ?? "-",
    brief(forTerminal(noteOf(step), false), 80),
  ]);
  return `${about}\n\n${table(["STEP", "STATE", "TASK", "NOTE"], rows)}`;
}

function noteOf({ error, skipReason, kept }: ExecutionStep): string {
  if (error !== null) return `${error.code}: ${error.message}`;
  return kept ? "kept" : (skipReason ?? "");
}

export async function workflowCancel(id: string, options: GlobalOptions): Promise<number> {
  const { context, path } = await openExecution(id, options);
  const answer = await context.client.call("POST", `${path}/cancel`, WorkflowCancellation, { repeatable: true });
  context.answer(answer, () => (answer.accepted ? "it will stop" : `it had ended: ${answer.execution.status}`));
  return EXIT.ok;
}

export interface WorkflowRetryOptions extends GlobalOptions {
  readonly follow?: boolean;
}

export async function workflowRetry(id: string, options: WorkflowRetryOptions): Promise<number> {
  const { context, path } = await openExecution(id, options);
  const body = { newExecutionId: randomUUID() };
  const call = { body, repeatable: true };
  const execution = await context.client.call("POST", `${path}/retry`, WorkflowExecutionDetails, call);
  if (options.follow === true) return followExecution(context, execution.executionId);
  context.answer(execution, () => execution.executionId);
  return EXIT.ok;
}

export interface WorkflowFollowOptions extends GlobalOptions {
  readonly after?: number;
}

export async function workflowFollow(id: string, options: WorkflowFollowOptions): Promise<number> {
  const context = await Context.create(options);
  return followExecution(context, checkedId("execution", id), options.after);
}

async function openExecution(id: string, options: GlobalOptions): Promise<{ context: Context; path: string }> {
  const executionId = checkedId("execution", id);
  return { context: await Context.create(options), path: `/api/workflow-executions/${executionId}` };
}

async function openNamed(name: string, options: GlobalOptions) {
  const path = `/api/workflows/${checkedName(name)}`;
  const context = await Context.create(options);
  return { context, path, query: { workspaceId: context.defaultWorkspaceId } };
}

function checkedName(name: string): string {
  if (WorkflowId.safeParse(name).success) return name;
  throw new UsageError(`${name} is no name of a workflow`, "Use letters, digits, dots, dashes and underscores.");
}

/** A recipe in JSON, checked as the API will. @throws UsageError with every mistake */
async function readRecipe(file: string): Promise<unknown> {
  const name = file === "-" ? "the standard input" : file;
  let content: string;
  try {
    content = file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new UsageError(`${name} cannot be read: ${(error as Error).message}`, "Name a file with a recipe in JSON.");
  }
  const recipe = parseJson(content, name);
  const parsed = WorkflowRecipe.safeParse(recipe);
  if (parsed.success) return recipe;
  const problems = z.prettifyError(parsed.error).split("\n");
  throw new UsageError(`${name} holds no valid recipe`, "docs/guides/agents.md shows one.", problems);
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new UsageError(`${name} is not JSON: ${(error as Error).message}`, "Write it as JSON.");
  }
}
