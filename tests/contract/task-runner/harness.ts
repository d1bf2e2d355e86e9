import { PlatformError } from "../../../contracts/errors.ts";
import type { PlanLimitOverrides, PlanTier } from "../../../contracts/plan.ts";
import type { ExecuteTask, TaskRunner } from "../../../services/runner/task-runner.ts";

/** A backend with all that it needs to run tasks. */
export interface RunnerUnderTest {
  readonly runner: TaskRunner;
  /** Makes a workspace with this plan. */
  readonly workspace: (plan: PlanTier) => Promise<string>;
  /** Closes the side that runs tasks, with a grace of `graceSeconds`; resolves when nothing runs any more. */
  readonly stopWorking: () => Promise<void>;
  /** Ends everything. */
  readonly destroy: () => Promise<void>;
}

export interface RunnerOptions {
  readonly concurrency: number;
  readonly graceSeconds: number;
  readonly plans: PlanLimitOverrides;
}

export type CreateRunner = (execute: ExecuteTask, options: RunnerOptions) => Promise<RunnerUnderTest>;

/** Creates a runner that is destroyed with the test. Default: 4 at once, no grace, the plans' own limits. */
export type StartRunner = (execute: ExecuteTask, options?: Partial<RunnerOptions>) => Promise<RunnerUnderTest>;

export const hasCode = (code: string) => (error: unknown) => error instanceof PlatformError && error.code === code;
/** Longer than anything here takes: a bound for what would otherwise hang. */
export const LONG_MS = 30_000;
