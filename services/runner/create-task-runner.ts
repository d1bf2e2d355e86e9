import type { RunnerBackend } from "../../contracts/service-env.ts";
import type { PlanTier } from "../../contracts/plan.ts";
import { WorkspaceNotFoundError } from "../../contracts/errors.ts";
import { RunnerBackendUnavailableError } from "./errors.ts";
import { LocalTaskRunner } from "./local-task-runner.ts";
import { QueuedTaskRunner, type QueuedTaskRunnerDeps } from "./queued-task-runner.ts";
import type { ExecuteTask, TaskRunner } from "./task-runner.ts";

export interface CreateTaskRunnerDeps extends QueuedTaskRunnerDeps {
  /** What the `local` backend runs tasks with, in this very process. @default none: `local` cannot be had */
  readonly local?: { readonly execute: ExecuteTask; readonly concurrency: number };
}

/**
 * The runner that TASK_RUNNER_BACKEND names.
 *
 * @throws RunnerBackendUnavailableError when it cannot be had here; another one never takes its place.
 */
export function createTaskRunner(backend: RunnerBackend, deps: CreateTaskRunnerDeps): TaskRunner {
  switch (backend) {
    case "queued":
      return new QueuedTaskRunner(deps);
    case "local": {
      if (deps.local === undefined) {
        const remedy = "Set TASK_RUNNER_BACKEND=queued and start a worker beside this service.";
        throw new RunnerBackendUnavailableError(backend, "this process has nothing to run tasks with", remedy);
      }
      return new LocalTaskRunner({ ...deps, ...deps.local, planOf: (workspaceId) => readPlan(deps, workspaceId) });
    }
    case "kubernetes":
      throw new RunnerBackendUnavailableError(backend, "it is not built yet", "Set TASK_RUNNER_BACKEND=queued.");
  }
}

async function readPlan({ pool }: CreateTaskRunnerDeps, workspaceId: string): Promise<PlanTier> {
  const { rows } = await pool.query<{ plan: PlanTier }>("SELECT plan FROM workspaces WHERE id = $1", [workspaceId]);
  const row = rows[0];
  if (row === undefined) throw new WorkspaceNotFoundError(workspaceId);
  return row.plan;
}
