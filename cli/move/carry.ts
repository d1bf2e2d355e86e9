import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import { TaskList } from "../../contracts/http-api.ts";
import type { PlanTier } from "../../contracts/plan.ts";
import { WorkflowExecutionList } from "../../contracts/workflow.ts";
import { Workspace } from "../../contracts/workspace.ts";
import { MoveDiscarded, MoveLoaded, MoveState, MoveSums } from "../../contracts/workspace-move.ts";
import type { ApiClient } from "../api-client.ts";
import { ApiRefusalError, CliError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { compareManifests } from "./compare-manifests.ts";

export interface Carriage {
  readonly source: ApiClient;
  readonly target: ApiClient;
  readonly workspaceId: string;
  /** How long what is under way may take to end. */
  readonly waitSeconds: number;
  /** Whether it is cancelled instead. */
  readonly cancel: boolean;
  /** Told what happens. */
  readonly note: (text: string) => void;
}

export interface Carried {
  readonly workspaceId: string;
  readonly moveId: string;
  readonly from: string;
  readonly to: string;
  readonly rows: number;
  readonly files: number;
  readonly credentials: readonly string[];
  /** What the source has given it, which the target's administrator may see otherwise. */
  readonly plan: PlanTier;
  readonly egressRules: readonly string[];
}

const POLL_MS = 500;

/**
 * Carries a workspace: closes it at the source, brings record and files, compares both sides, and opens it at the target
 * after the source has said that it lives there. Whatever stops it, the same again goes on from where both sides stand.
 *
 * @throws CliError when the sides are not as a move needs them, or are not the same afterwards.
 */
export async function carry(carriage: Carriage): Promise<Carried> {
  const { source, target, workspaceId, note } = carriage;
  const path = pathOf(workspaceId);
  const before = await source.call("GET", path, MoveState);
  const there = await stateAt(target, workspaceId);
  if (before.state !== "open") requirePeer(before, target);
  const moveId = before.state === "open" ? randomUUID() : (before.moveId ?? randomUUID());
  const take = (side: ApiClient, step: string, body: object = { moveId }) =>
    side.call("POST", `${path}/${step}`, MoveState, { body, repeatable: true });
  // It came from there by a move whose last step is missing.
  if (before.state === "open" && there?.state === "moved" && there.moveId === before.moveId && !there.done) {
    await take(target, "finish", { moveId: there.moveId });
  }

  const opened = there?.state === "open" && there.moveId === moveId;
  const settled = before.state === "moved" && there?.state === "arriving" && there.moveId === moveId;
  if (settled) note("the workspace has arrived before, and is opened now");
  if (!opened && !settled) {
    await take(source, "leave", { moveId, to: target.apiUrl });
    await untilIdle(carriage);
  }
  const workspace = await source.call("GET", `/api/workspaces/${workspaceId}`, Workspace); // nobody changes it any more
  let [rows, files] = [0, 0];
  if (!opened && !settled) {
    const { name, plan, egressRules, toolPolicy, createdAt } = workspace;
    const contents = { name, plan, egressRules, toolPolicy, createdAt };
    await take(target, "arrive", { moveId, from: source.apiUrl, schema: before.schema, workspace: contents });
    rows = await bringRecord(carriage, moveId);
    files = await bringFiles(carriage, moveId);
    await take(source, "settle");
  }
  if (!opened) await take(target, "open");
  await take(source, "finish");
  const { plan, egressRules } = workspace;
  const sides = { from: source.apiUrl, to: target.apiUrl };
  return { workspaceId, moveId, ...sides, rows, files, credentials: before.credentials, plan, egressRules };
}

/** Ends a move, wherever it stands: what has arrived is forgotten, and the source opens again. */
export async function abort({ source, target, workspaceId }: Pick<Carriage, "source" | "target" | "workspaceId">) {
  const path = pathOf(workspaceId);
  const state = await source.call("GET", path, MoveState);
  const { moveId } = state;
  if (moveId === null || state.state === "open" || state.done) {
    throw new CliError(`workspace ${workspaceId} is not leaving ${source.apiUrl}`, {
      remedy: "Look at both sides with --status.",
      exitCode: EXIT.failed,
    });
  }
  requirePeer(state, target);
  const { had } = await target.call("POST", `${path}/discard`, MoveDiscarded, { body: { moveId }, repeatable: true });
  if (state.state === "moved" && !had) {
    throw new CliError(`${target.apiUrl} knows nothing of move ${moveId}, after which the source was closed for good`, {
      remedy: "Make sure that --to is the installation to which the workspace was carried.",
      exitCode: EXIT.failed,
    });
  }
  return source.call("POST", `${path}/reopen`, MoveState, { body: { moveId }, repeatable: true });
}

/** Another installation than the one that it leaves for must not take its place. */
function requirePeer({ workspaceId, state, peer }: MoveState, target: ApiClient): void {
  if (peer === target.apiUrl) return;
  throw new CliError(`workspace ${workspaceId} is ${state}, of a move with ${peer ?? "?"}, not with ${target.apiUrl}`, {
    remedy: `Give --to ${peer ?? "?"}.`,
    exitCode: EXIT.failed,
  });
}

/** Undefined where the workspace has never been. */
export async function stateAt(client: ApiClient, workspaceId: string): Promise<MoveState | undefined> {
  try {
    return await client.call("GET", pathOf(workspaceId), MoveState);
  } catch (error) {
    if (error instanceof ApiRefusalError && error.problem.code === "WORKSPACE_NOT_FOUND") return undefined;
    throw error;
  }
}

async function untilIdle({ source, workspaceId, waitSeconds, cancel, note }: Carriage): Promise<void> {
  if (cancel) await cancelWork(source, workspaceId);
  const deadline = Date.now() + waitSeconds * 1_000;
  for (let said = ""; ;) {
    const state = await source.call("GET", pathOf(workspaceId), MoveState);
    const { runningTasks, queuedTasks, runningExecutions, runningBackups } = state;
    if (runningTasks + queuedTasks + runningExecutions + runningBackups === 0) return;
    const text = `waiting for ${describeWork(state)}`;
    if (text !== said) note(text);
    said = text;
    if (Date.now() >= deadline) break;
    await delay(POLL_MS);
  }
  throw new CliError(`workspace ${workspaceId} is still at work after ${waitSeconds} s`, {
    remedy:
      "Run the same again to go on waiting, with --cancel to cancel its tasks and executions, or with --abort to stay.",
    exitCode: EXIT.failed,
  });
}

/** What is under way in a workspace, in words. */
export const describeWork = ({ runningTasks, queuedTasks, runningExecutions, runningBackups }: MoveState): string =>
  `${runningTasks} running and ${queuedTasks} waiting tasks, ${runningExecutions} executions, ${runningBackups} backups`;

async function cancelWork(source: ApiClient, workspaceId: string): Promise<void> {
  const running = { workspaceId, status: "running" };
  // Executions first: none of them submits another task then.
  await eachPage(source, "/api/workflow-executions", running, WorkflowExecutionList, ({ executionId }) =>
    source.fetch("POST", `/api/workflow-executions/${executionId}/cancel`, { repeatable: true }),
  );
  for (const status of ["queued", "running"]) {
    await eachPage(source, "/api/tasks", { workspaceId, status }, TaskList, ({ taskId }) =>
      source.fetch("POST", `/api/tasks/${taskId}/cancel`, { repeatable: true }),
    );
  }
}

async function eachPage<Item>(
  client: ApiClient,
  path: string,
  query: Readonly<Record<string, string>>,
  schema: z.ZodType<{ items: Item[]; nextCursor: string | null }>,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const page = await client.call("GET", path, schema, { query: { ...query, limit: 100, cursor } });
    for (const item of page.items) await work(item);
    cursor = page.nextCursor;
  }
}

async function bringRecord({ source, target, workspaceId, note }: Carriage, moveId: string): Promise<number> {
  const path = pathOf(workspaceId);
  note("carrying its record");
  const { body } = await source.fetch("GET", `${path}/record`, { headers: { accept: "application/x-ndjson" } });
  const { rows } = await target.call("PUT", `${path}/record`, MoveLoaded, {
    ...{ query: { moveId }, bytes: body ?? new ReadableStream(), repeatable: false },
    headers: { "content-type": "application/octet-stream" },
  });
  const [here, there] = await Promise.all([source, target].map((side) => side.call("GET", `${path}/sums`, MoveSums)));
  for (const sum of here?.tables ?? []) {
    const other = there?.tables.find(({ table }) => table === sum.table);
    if (other?.rows === sum.rows && other.checksum === sum.checksum) continue;
    throw notTheSame(
      `${sum.table} has ${sum.rows} rows at the source, and ${other?.rows ?? 0} at the target or others`,
    );
  }
  return rows;
}

async function bringFiles({ source, target, workspaceId, note }: Carriage, moveId: string): Promise<number> {
  const path = pathOf(workspaceId);
  note("carrying its files");
  const { body } = await source.fetch("GET", `${path}/files`, { headers: { accept: "application/x-tar" } });
  await target.fetch("PUT", `${path}/files`, {
    ...{ query: { moveId }, bytes: body ?? new ReadableStream(), repeatable: false },
    headers: { "content-type": "application/octet-stream" },
  });
  note("comparing every file");
  const headers = { accept: "application/octet-stream" };
  const manifests = [source, target].map((side) => side.fetch("GET", `${path}/manifest`, { headers }));
  const [here, there] = await Promise.all(manifests);
  const { entries, difference } = await compareManifests(here?.body ?? nothing(), there?.body ?? nothing());
  if (difference === undefined) return entries;
  throw notTheSame(`"${difference.here ?? "nothing"}" at the source, "${difference.there ?? "nothing"}" at the target`);
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // an answer without a body has no entries
}

const notTheSame = (what: string): CliError =>
  new CliError(`both sides are not the same: ${what}`, {
    remedy: "The workspace stays closed at the source: run the same again, or with --abort.",
    exitCode: EXIT.failed,
  });

const pathOf = (workspaceId: string): string => `/api/workspaces/${workspaceId}/move`;
