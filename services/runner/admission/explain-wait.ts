import type { Approval } from "../../../contracts/approval.ts";
import { TaskNotFoundError } from "../../../contracts/errors.ts";
import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import type { TaskPriority, TaskState, TaskWait } from "../../../contracts/task.ts";
import type { Queryable } from "../../runtime/database.ts";

/** What decides about the start of one waiting task. */
export interface WaitFacts {
  readonly priority: TaskPriority;
  readonly plan: PlanTier;
  /** Whether it has its slot and lacks a worker alone. */
  readonly admitted: boolean;
  /** Slots that the workspace's tasks take. */
  readonly slotsTaken: number;
  readonly slots: number;
  /** Tasks of its workspace and priority that come before it. */
  readonly ahead: number;
  /** What the workers that take its priority can run at once. */
  readonly workerSlots: number;
  /** Tasks of all workspaces that have no slot yet, this one among them. */
  readonly waitingInAll: number;
  /** When it may start, while that time has not come. */
  readonly delayedUntil: string | null;
  /** The question that must be answered before it goes on. */
  readonly question: Pick<Approval, "callId" | "tool" | "summary" | "expiresAt"> | null;
}

export function describeWait(facts: WaitFacts): TaskWait {
  const { priority, plan, slots, slotsTaken, workerSlots, waitingInAll, ahead } = facts;
  const place = ahead + 1;
  if (facts.question !== null) {
    const { callId, tool, summary, expiresAt } = facts.question;
    return {
      reason: "approval",
      message: `asks a person about ${callId} (${tool}: ${summary}) until ${expiresAt}`,
      place,
    };
  }
  if (facts.delayedUntil !== null) {
    return { reason: "delayed", message: `starts at ${facts.delayedUntil} at the earliest`, place };
  }
  if (workerSlots === 0) {
    const message = `no worker that takes ${priority} tasks is heard of: start one, or see \`automatos admin workers\``;
    return { reason: "no_worker", message, place };
  }
  if (facts.admitted) {
    return {
      reason: "worker",
      message: `admitted; starts as soon as one of ${workerSlots} worker slots is free`,
      place,
    };
  }
  if (slotsTaken >= slots) {
    const message = `${slotsTaken} of ${slots} tasks that plan ${plan} lets run at once are under way; place ${place}`;
    return { reason: "workspace_limit", message, place };
  }
  const message = `all worker slots are taken and ${waitingInAll} tasks of all workspaces wait for their turn; place ${place}`;
  return { reason: "turn", message, place };
}

interface FactsRow extends Omit<WaitFacts, "slots"> {
  readonly status: TaskState;
}

/** Null when the task does not wait. @throws TaskNotFoundError */
export async function explainWait(
  database: Queryable,
  taskId: string,
  planLimits: Readonly<Record<PlanTier, PlanLimits>>,
): Promise<TaskWait | null> {
  const { rows } = await database.query<FactsRow>(
    `SELECT t.status, t.priority, w.plan, t.admitted_at IS NOT NULL AS admitted,
       CASE WHEN t.delayed AND t.not_before < 'infinity' THEN iso_time(t.not_before) END AS "delayedUntil",
       (SELECT jsonb_build_object('callId', call_id, 'tool', tool, 'summary', summary, 'expiresAt', iso_time(expires_at))
        FROM task_approvals WHERE task_id = t.id AND decision IS NULL) AS question,
       (SELECT count(*)::int FROM task_executions o WHERE o.workspace_id = t.workspace_id
        AND o.status IN ('queued', 'scheduled', 'running') AND o.admitted_at IS NOT NULL) AS "slotsTaken",
       (SELECT count(*)::int FROM task_executions o WHERE o.status = 'queued' AND o.admitted_at IS NULL
        AND NOT o.delayed AND o.priority = t.priority AND o.workspace_id = t.workspace_id AND o.submission < t.submission) AS ahead,
       (SELECT coalesce(sum(concurrency), 0)::int FROM workers WHERE t.priority::text = ANY (priorities)
        AND heartbeat_at > now() - lease_seconds * interval '1 second') AS "workerSlots",
       (SELECT count(*)::int FROM task_executions o WHERE o.status = 'queued' AND o.admitted_at IS NULL
        AND NOT o.delayed) AS "waitingInAll"
     FROM task_executions t JOIN workspaces w ON w.id = t.workspace_id WHERE t.id = $1`,
    [taskId],
  );
  const [row] = rows;
  if (row === undefined) throw new TaskNotFoundError(taskId);
  if (row.status !== "queued") return null;
  return describeWait({ ...row, slots: planLimits[row.plan].maxRunningTasks });
}
