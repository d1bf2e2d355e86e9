import type { TaskExecution } from "../runner/task-runner.ts";
import type { ApiTools, ToolContext } from "../sandbox/tools/tool.ts";

/** Where all calls of a task work. */
export interface ToolPlace extends Pick<ToolContext, "sandbox" | "profile"> {
  readonly execution: Pick<TaskExecution, "signal" | "emit">;
  /** The task's own log. */
  readonly folder: { readonly log: { write(text: string): void } };
  /** Undefined: the tools that run at the API are not configured for tasks. */
  readonly apiTools: ApiTools | undefined;
}

/** Where one call works; `index` counts the task's steps, of its script and of its model together. */
export function toolContext(
  { execution, folder, profile, sandbox, apiTools }: ToolPlace,
  { index, callId, approved }: { readonly index: number; readonly callId: string; readonly approved: boolean },
): ToolContext {
  return {
    sandbox,
    profile,
    apiTools,
    signal: execution.signal,
    callId,
    approved,
    onOutput: (stream, text) => execution.emit({ type: "step_output", index, stream, text }),
    log: (text) => folder.log.write(text),
  };
}
