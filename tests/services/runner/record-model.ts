/** The record as a model has it: what each task is, how it changes, and how the two are compared. */
import assert from "node:assert/strict";
import type fc from "fast-check";
import { isTerminal, type TaskPriority, type TaskState } from "../../../contracts/task.ts";
import type { ClaimedTask } from "../../../services/runner/claimed-task.ts";
import type { TaskLeases } from "../../../services/runner/task-leases.ts";
import type { QueuedProcess } from "../../support/runner.ts";

/** Tasks of the workspace that may run at once. */
export const CAP = 2;

export interface ModelTask {
  readonly id: string;
  readonly priority: TaskPriority;
  state: TaskState;
  attempt: number;
  admitted: boolean;
  cancelRequested: boolean;
  /** Lost, and not yet to be tried again; or paused. */
  delayed: boolean;
  /** What became of the questions that it asked, in order; the last may be open. */
  readonly questions: ("waiting" | "approved" | "denied" | "expired" | "withdrawn")[];
  hasCheckpoint: boolean;
  events: number;
}
/** Tasks in the order of their submission. */
export type Model = ModelTask[];
export interface Real {
  readonly process: QueuedProcess;
  readonly leases: TaskLeases;
  readonly workspaceId: string;
  /** The last claim of each task, held still or lost. */
  readonly claims: Map<string, ClaimedTask>;
}
export type Command = fc.AsyncCommand<Model, Real>;

export const holdsSlot = (task: ModelTask): boolean => task.admitted && !isTerminal(task.state);
export const asks = (task: ModelTask): boolean => task.questions.at(-1) === "waiting";
export const settle = (task: ModelTask, how: ModelTask["questions"][number]): void => {
  task.questions.splice(-1, 1, how);
  task.delayed = false;
};
export const end = (task: ModelTask, state: TaskState): void => {
  if (asks(task)) settle(task, "withdrawn");
  task.hasCheckpoint = false;
  task.delayed = false;
  task.state = task.cancelRequested ? "cancelled" : state;
  task.events += 1;
};
export const queueAgain = (task: ModelTask): void => {
  task.state = "queued";
  task.admitted = false;
  task.events += 1;
};

/** The record must say of every task what the model says, after every command. */
export async function compare(model: Model, { process, workspaceId }: Real): Promise<void> {
  const { rows } = await process.pool.query<{ id: string; leases: number; events: number; last: number } & ModelTask>(
    `SELECT id, status AS state, attempt, admitted_at IS NOT NULL AND NOT is_terminal(status) AS admitted,
       cancel_requested_at IS NOT NULL AS "cancelRequested", event_count AS events, priority,
       delayed AND status = 'queued' AS delayed,
       coalesce((SELECT jsonb_agg(coalesce(decision, 'waiting') ORDER BY call_id) FROM task_approvals WHERE task_id = t.id),
         '[]') AS questions,
       EXISTS (SELECT FROM task_checkpoints WHERE task_id = t.id) AS "hasCheckpoint",
       (SELECT count(*)::int FROM leases WHERE task_id = t.id) AS leases,
       (SELECT max(sequence) FROM task_events WHERE task_id = t.id) AS last
     FROM task_executions t WHERE workspace_id = $1 ORDER BY submission`,
    [workspaceId],
  );
  const expected = model.map((task) => ({
    ...task,
    admitted: holdsSlot(task),
    leases: task.state === "running" ? 1 : 0,
    last: task.events,
  }));
  assert.deepEqual(rows, expected);
  assert.ok(model.filter(holdsSlot).length <= CAP);
}

export const newTask = (id: string, priority: TaskPriority): ModelTask => ({
  ...{ id, priority, state: "queued", attempt: 0, admitted: false, cancelRequested: false, delayed: false },
  ...{ questions: [], hasCheckpoint: false, events: 2 },
});
