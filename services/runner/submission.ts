import { createHash } from "node:crypto";
import {
  QueueFullError,
  ResourcesAbovePlanError,
  SubmissionRateExceededError,
  TaskNotRetryableError,
  TimeoutAbovePlanError,
} from "../../contracts/errors.ts";
import type { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import { isTerminal, type AgentTask, type TaskResources, type TaskState } from "../../contracts/task.ts";
import { sortedJson } from "../runtime/sorted-json.ts";
import { findUnstorable } from "../runtime/storable-text.ts";
import { NothingToRunError, TaskNotStorableError } from "./errors.ts";

/** What a workspace has waiting and has submitted of late: what its plan's limits are held against. */
export interface WorkspaceLoad {
  readonly queuedTasks: number;
  readonly submittedLastMinute: number;
  /** Seconds until the oldest submission of the last minute is older than that. */
  readonly secondsUntilNextSlot: number;
}

/** @throws TimeoutAbovePlanError, ResourcesAbovePlanError */
export function checkPlan(task: AgentTask, plan: PlanTier, limits: PlanLimits): void {
  if (task.timeoutSeconds > limits.maxTimeoutSeconds) {
    throw new TimeoutAbovePlanError(task.timeoutSeconds, limits.maxTimeoutSeconds, plan);
  }
  checkResources(task.resources, plan, limits);
}

/** @throws ResourcesAbovePlanError */
export function checkResources(
  { memoryMb, cpuMillicores }: Pick<TaskResources, "memoryMb" | "cpuMillicores">,
  plan: PlanTier,
  { maxMemoryMb, maxCpuMillicores }: PlanLimits,
): void {
  if (memoryMb > maxMemoryMb) throw new ResourcesAbovePlanError("memoryMb", memoryMb, maxMemoryMb, plan);
  if (cpuMillicores > maxCpuMillicores) {
    throw new ResourcesAbovePlanError("cpuMillicores", cpuMillicores, maxCpuMillicores, plan);
  }
}

/** @throws NothingToRunError */
export function checkRunnable(task: Pick<AgentTask, "taskId" | "steps" | "prompt">): void {
  if (task.steps.length === 0 && task.prompt === "") throw new NothingToRunError(task.taskId);
}

/**
 * @throws TaskNotStorableError when a text holds what the record cannot: NUL, or half of a surrogate pair.
 */
export function checkStorable(task: AgentTask): void {
  const path = findUnstorable(task);
  if (path !== undefined) throw new TaskNotStorableError(task.taskId, path.join("."));
}

/** @throws QueueFullError, SubmissionRateExceededError */
export function checkLoad(workspaceId: string, load: WorkspaceLoad, limits: PlanLimits): void {
  if (load.submittedLastMinute >= limits.submissionsPerMinute) {
    const retryAfterSeconds = Math.max(1, Math.ceil(load.secondsUntilNextSlot));
    throw new SubmissionRateExceededError(workspaceId, limits.submissionsPerMinute, retryAfterSeconds);
  }
  if (load.queuedTasks >= limits.maxQueuedTasks) {
    throw new QueueFullError(workspaceId, load.queuedTasks, limits.maxQueuedTasks);
  }
}

/** @throws TaskNotRetryableError */
export function checkRetryable(taskId: string, state: TaskState): void {
  if (!isTerminal(state) || state === "completed") throw new TaskNotRetryableError(taskId, state);
}

/** The task to submit when `task` is tried again under a new id. */
export function toRetry(task: AgentTask, newTaskId: string): AgentTask {
  return { ...task, taskId: newTaskId, notBefore: undefined };
}

/**
 * SHA-256 of what a task says, by which a repeated submission is told from another task with the same id. The id is
 * not part of it, nor the time at which the caller made the task: he makes it again when he repeats himself.
 */
export function fingerprint(task: AgentTask): Buffer {
  const contents = { ...task, taskId: undefined, createdAt: undefined };
  return createHash("sha256")
    .update(JSON.stringify(sortedJson(contents)))
    .digest();
}
