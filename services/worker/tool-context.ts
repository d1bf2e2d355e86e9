import type { ToolContext } from "../sandbox/tools/tool.ts";
import type { RunStepsOptions } from "./run-steps.ts";

/** Where a task's call works; `index` counts the task's steps, of its script and of its model together. */
export function toolContext(
  options: Pick<RunStepsOptions, "execution" | "folder" | "profile" | "sandbox" | "apiTools">,
  { index, callId, approved }: { readonly index: number; readonly callId: string; readonly approved: boolean },
): ToolContext {
  const { execution, folder, profile, sandbox, apiTools } = options;
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
