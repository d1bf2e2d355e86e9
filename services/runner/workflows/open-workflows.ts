import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import type { EventBus } from "../bus/event-bus.ts";
import { ExecutionEvents } from "./execution-events.ts";
import { ExecutionStore } from "./execution-store.ts";
import { Orchestrator, type OrchestratorDeps } from "./orchestrator.ts";
import { WorkflowStore } from "./workflow-store.ts";

/** All of workflows that a process of the API has. */
export interface Workflows {
  readonly workflows: WorkflowStore;
  readonly executions: ExecutionStore;
  readonly executionEvents: ExecutionEvents;
  /** Takes part in moving executions on; without it this process begins, reads and cancels them only. */
  start(): void;
  close(): Promise<void>;
}

export function openWorkflows(
  deps: OrchestratorDeps & {
    readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
    /** Tells of tasks' events. */
    readonly bus: EventBus;
  },
): Workflows {
  const orchestrator = new Orchestrator(deps);
  const executionEvents = new ExecutionEvents(deps);
  return {
    workflows: new WorkflowStore(deps),
    executions: new ExecutionStore({ ...deps, kick: (turn) => orchestrator.kick(turn) }),
    executionEvents,
    start: () => orchestrator.start(),
    close: async () => {
      await orchestrator.close();
      executionEvents.close();
    },
  };
}
