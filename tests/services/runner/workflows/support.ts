import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { resolvePlanLimits, type PlanLimitOverrides } from "../../../../contracts/plan.ts";
import type { WorkflowExecutionDetails } from "../../../../contracts/workflow.ts";
import type { WorkflowEvent } from "../../../../contracts/workflow-event.ts";
import { WorkflowRecipe } from "../../../../contracts/workflow-recipe.ts";
import type { ExecutionRequest } from "../../../../services/runner/workflows/begin-execution.ts";
import { PostgresEventBus } from "../../../../services/runner/bus/postgres-event-bus.ts";
import { ExecutionEvents } from "../../../../services/runner/workflows/execution-events.ts";
import { ExecutionStore } from "../../../../services/runner/workflows/execution-store.ts";
import { Orchestrator } from "../../../../services/runner/workflows/orchestrator.ts";
import { WorkflowStore } from "../../../../services/runner/workflows/workflow-store.ts";
import { silentLog } from "../../../support/database.ts";
import { openQueuedProcess, type QueuedProcess } from "../../../support/runner.ts";

/** One API process, as far as workflows go. */
export interface WorkflowProcess {
  readonly own: QueuedProcess;
  readonly workflows: WorkflowStore;
  readonly executions: ExecutionStore;
  readonly events: ExecutionEvents;
  readonly orchestrator: Orchestrator;
  start(workspaceId: string, recipe: unknown, more?: Partial<ExecutionRequest>): Promise<WorkflowExecutionDetails>;
  /** Waits for its end. */
  ended(executionId: string): Promise<WorkflowExecutionDetails>;
  collect(executionId: string, after?: number): Promise<WorkflowEvent[]>;
  close(): Promise<void>;
}

export async function openWorkflowProcess(
  url: string,
  options: { readonly plans?: PlanLimitOverrides; readonly orchestrates?: boolean } = {},
): Promise<WorkflowProcess> {
  const plans = options.plans ?? {};
  const own = await openQueuedProcess(url, { plans });
  const { pool, listener, runner } = own;
  const orchestrator = new Orchestrator({ pool, listener, runner, holder: randomUUID(), log: silentLog });
  const isActive = options.orchestrates !== false;
  const executions = new ExecutionStore({
    pool,
    planLimits: resolvePlanLimits(plans),
    kick: (turn) => (isActive ? orchestrator.kick(turn) : undefined),
  });
  const bus = new PostgresEventBus({ pool, listener, log: silentLog });
  const events = new ExecutionEvents({ pool, listener, bus });
  if (isActive) orchestrator.start();
  return {
    ...{ own, executions, events, orchestrator },
    workflows: new WorkflowStore({ pool }),
    start: (workspaceId, recipe, more = {}) =>
      executions.start({
        ...{ executionId: randomUUID(), workspaceId, workflowId: "test", version: undefined, correlationId: undefined },
        ...{ recipe: WorkflowRecipe.parse(recipe), input: {}, ...more },
      }),
    ended: async (executionId) => {
      for await (const event of events.follow(executionId)) if (event.body.type === "workflow_ended") break;
      return executions.get(executionId);
    },
    collect: async (executionId, after = 0) => {
      const found: WorkflowEvent[] = [];
      for await (const event of events.follow(executionId, { after })) found.push(event);
      return found;
    },
    close: async () => {
      await orchestrator.close();
      events.close();
      await own.close();
    },
  };
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20);
}
