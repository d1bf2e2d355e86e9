import type { TaskWait } from "../../contracts/task.ts";
import { describeWait } from "./admission/explain-wait.ts";
import type { LocalTask } from "./local-task.ts";
import type { WorkspaceLoad } from "./submission.ts";

const MINUTE_MS = 60_000;

/** How many tasks of a workspace are in a state. */
export function countLocal(tasks: Iterable<LocalTask>, workspaceId: string, state: "queued" | "running"): number {
  return [...tasks].filter((local) => local.task.workspaceId === workspaceId && local.state === state).length;
}

/** What a workspace has waiting and has submitted of late. */
export function measureLocalLoad(tasks: Iterable<LocalTask>, workspaceId: string): WorkspaceLoad {
  const own = [...tasks].filter(({ task }) => task.workspaceId === workspaceId);
  const now = Date.now();
  const ages = own.map(({ submittedAt }) => now - submittedAt.getTime()).filter((ageMs) => ageMs < MINUTE_MS);
  return {
    queuedTasks: countLocal(own, workspaceId, "queued"),
    submittedLastMinute: ages.length,
    secondsUntilNextSlot: (MINUTE_MS - Math.max(0, ...ages)) / 1_000,
  };
}

/** Why a queued task has not started. */
export function explainLocalWait(
  local: LocalTask,
  tasks: readonly LocalTask[],
  room: { readonly slots: number; readonly workerSlots: number },
): TaskWait {
  const { workspaceId, priority } = local.task;
  const waiting = tasks.filter(({ state }) => state === "queued");
  return describeWait({
    priority,
    plan: local.plan,
    admitted: false,
    slotsTaken: countLocal(tasks, workspaceId, "running"),
    ...room,
    ahead: waiting.filter(
      ({ task, submission }) =>
        task.workspaceId === workspaceId && task.priority === priority && submission < local.submission,
    ).length,
    waitingInAll: waiting.length,
    delayedUntil: local.isDue ? null : (local.task.notBefore ?? null),
    question: local.questions.open ?? null,
  });
}
