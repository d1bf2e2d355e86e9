import type { TaskStep } from "../../../contracts/tools.ts";

const MAX_SUMMARY_CHARS = 200;
/** Name and password in an address: the audit log is never cleared of them. */
const USER_INFO = /(:\/\/)[^\s/@]{1,1000}@/g;

/** A call with its input checked: a step of a task, or what a model asked for. */
export type ToolCall = { [Step in TaskStep as Step["tool"]]: Pick<Step, "tool" | "input"> }[TaskStep["tool"]];

/** What a call does, in a line for people: events, approvals, the task's log and the audit log show it. */
export function summariseCall(call: ToolCall): string {
  const line = describe(call).replaceAll(/\s+/g, " ").replaceAll(USER_INFO, "$1");
  return line.length > MAX_SUMMARY_CHARS ? `${line.slice(0, MAX_SUMMARY_CHARS)}…` : line;
}

function describe(call: ToolCall): string {
  switch (call.tool) {
    case "execute_command":
      return call.input.command ?? call.input.argv?.join(" ") ?? "";
    case "list_directory":
    case "read_file":
    case "write_file":
    case "create_directory":
      return call.input.path;
    case "search_codebase":
    case "search_documents":
    case "semantic_search":
    case "search_images":
    case "search_tables":
      return call.input.query;
    case "list_tasks":
      return [call.input.status, call.input.correlationId, call.input.parentExecutionId].filter(Boolean).join(" ");
    case "read_task_result":
      return call.input.taskId;
    case "database_query":
      return `${call.input.database}: ${call.input.query}`;
    case "composio_execute":
      return call.input.tool;
    case "http_request":
      // What follows a `?` may be a secret.
      return `${call.input.method} ${call.input.url.replace(/[?#].*$/s, "")}`;
  }
}
