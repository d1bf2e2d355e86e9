import { ToolCancelledError, ToolTimedOutError } from "./tool-errors.ts";

/**
 * Does `work` with a signal that fires after `seconds`, or with the caller's. What `work` then throws is told as
 * TOOL_TIMED_OUT or TOOL_CANCELLED.
 */
export async function withDeadline<T>(
  tool: string,
  seconds: number,
  caller: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), seconds * 1_000);
  try {
    return await work(AbortSignal.any([caller, late.signal]));
  } catch (error) {
    if (caller.aborted) throw new ToolCancelledError(tool);
    if (late.signal.aborted) throw new ToolTimedOutError(tool, seconds);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
