import { ApiToolName } from "../../contracts/tools.ts";
import type { TaskOutcome } from "../runner/task-runner.ts";
import type { ApiToolsClient } from "../tools/api-tools-client.ts";
import { isAgentCheckpoint } from "./agent/checkpoint-kind.ts";
import { runSteps, type RunStepsOptions } from "./run-steps.ts";
import { toolContext } from "./tool-context.ts";

export interface RunTaskOptions extends RunStepsOptions {
  readonly apiTools: ApiToolsClient | undefined;
  /** The gateway's socket, and what names the task there. */
  readonly endpoint: { readonly socketPath: string; readonly token: string };
}

/** What a task does once its workspace is ready: its scripted steps, then its prompt, by a model that sees their results. */
export async function runTask(options: RunTaskOptions): Promise<TaskOutcome> {
  const { execution, toolPolicy, endpoint, apiTools } = options;
  const { task, checkpoint } = execution;
  const scripted = isAgentCheckpoint(checkpoint) ? undefined : await runSteps(options);
  if (scripted !== undefined && (task.prompt === "" || scripted.status !== "completed")) return scripted;
  // A worker that has no task for a model is spared what an agent needs.
  const { runAgent } = await import("./agent/run-agent.ts");
  return runAgent({
    execution,
    scriptedSteps: scripted?.steps ?? [],
    policy: toolPolicy,
    notConfigured: (await apiTools?.notConfigured(execution.signal)) ?? new Set(ApiToolName.options),
    contextOf: (call) => toolContext(options, call),
    endpoint,
  });
}
