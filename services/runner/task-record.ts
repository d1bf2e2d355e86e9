import type { AgentTask, TaskPriority, TaskState, TaskStatus, TaskType } from "../../contracts/task.ts";

/** What STATUS_COLUMNS select. */
export interface StatusRow {
  readonly id: string;
  readonly workspace_id: string;
  readonly task_type: TaskType;
  readonly priority: TaskPriority;
  readonly status: TaskState;
  readonly attempt: number;
  readonly max_retries: number;
  readonly cancel_requested_at: Date | null;
  readonly submitted_at: Date;
  readonly started_at: Date | null;
  readonly completed_at: Date | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly error_remedy: string | null;
  readonly retry_of: string | null;
  readonly correlation_id: string | null;
}

export const STATUS_COLUMNS =
  "id, workspace_id, task_type, priority, status, attempt, max_retries, cancel_requested_at, submitted_at, " +
  "started_at, completed_at, error_code, error_message, error_remedy, retry_of, correlation_id";

export function toTaskStatus(row: StatusRow): TaskStatus {
  return {
    taskId: row.id,
    workspaceId: row.workspace_id,
    taskType: row.task_type,
    priority: row.priority,
    status: row.status,
    attempt: row.attempt,
    maxRetries: row.max_retries,
    cancelRequested: row.cancel_requested_at !== null,
    submittedAt: row.submitted_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    completedAt: row.completed_at?.toISOString() ?? null,
    error:
      row.error_code === null
        ? null
        : { code: row.error_code, message: row.error_message ?? "", remedy: row.error_remedy ?? "" },
    retryOf: row.retry_of,
    correlationId: row.correlation_id,
  };
}

/** What DEFINITION_COLUMNS select. */
export interface DefinitionRow {
  readonly prompt: string;
  readonly configuration: Omit<AgentTask, "prompt">;
}

export const DEFINITION_COLUMNS = "prompt, configuration";

/** The task as it was submitted. It was parsed then, so it is not parsed again. */
export const toAgentTask = ({ prompt, configuration }: DefinitionRow): AgentTask => ({ ...configuration, prompt });
