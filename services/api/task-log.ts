import type { LogEntry } from "../../contracts/http-api.ts";
import type { TaskEvent } from "../../contracts/task-event.ts";

/** What an event adds to the task's log; undefined when a reader of logs does not care for it. */
export function logEntry(event: TaskEvent): LogEntry | undefined {
  const { sequence, at, body } = event;
  const entry = (stream: LogEntry["stream"], text: string): LogEntry => ({ sequence, at, stream, text });
  const line = (text: string): LogEntry => entry("system", `${text}\n`);
  switch (body.type) {
    case "step_output":
      return entry(body.stream, body.text);
    case "task_started":
      return line(`# attempt ${body.attempt} on ${body.workerId}`);
    case "repository_ready":
      return line(`# ${body.action} ${body.name} at ${body.commit.slice(0, 12)} in ${Math.round(body.durationMs)} ms`);
    case "step_started":
      return line(`$ ${body.summary}`);
    case "step_finished": {
      const { ok, exitCode, error, durationMs } = body.step;
      const how = ok ? "ok" : (error?.message ?? "failed");
      const exit = exitCode === null ? "" : `, exit code ${exitCode}`;
      return line(`# ${how}${exit}, ${Math.round(durationMs)} ms`);
    }
    case "warning":
      return line(`# warning: ${body.message}. ${body.remedy}`);
    case "approval_requested":
      return line(`# asks about ${body.callId}: ${body.tool}: ${body.summary}`);
    case "approval_decided":
      return line(`# ${body.callId} ${body.decision}${body.by === null ? "" : ` by ${body.by}`}`);
    case "agent_step_started":
      return line(`# answer ${body.step} of ${body.model}`);
    case "model_text":
      return body.kind === "text" ? entry("stdout", body.text) : undefined;
    case "model_retried":
      return line(`\n# the model is asked again in ${body.waitMs} ms: ${body.error.message}`);
    case "model_answered":
      return line(`\n# answered: ${body.toolCalls} tool calls, ${body.inputTokens} + ${body.outputTokens} tokens`);
    case "context_trimmed":
      return line(`# context trimmed from about ${body.tokensBefore} to ${body.tokensAfter} tokens`);
    case "agent_resumed":
      return line(`# the agent goes on after answer ${body.step}`);
    case "cancel_requested":
      return line("# cancellation requested");
    case "task_requeued":
      return line(`# queued again: ${body.error.message}`);
    case "task_ended":
      return line(`# ${body.result.status}${body.result.error === null ? "" : `: ${body.result.error.message}`}`);
    case "task_submitted":
    case "task_queued":
    case "task_admitted":
      return undefined;
  }
}
