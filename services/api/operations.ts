import type { QueueList, TaskList, WorkerInfo } from "../../contracts/http-api.ts";

/** What an operator asks of the whole installation. */
export interface Operations {
  workers(): Promise<WorkerInfo[]>;
  queues(): Promise<QueueList>;
  /** Workspaces that have tasks running. */
  activeTasksByWorkspace(): Promise<{ readonly workspaceId: string; readonly activeTasks: number }[]>;
  deadLetters(page: { readonly limit: number; readonly cursor?: string | undefined }): Promise<TaskList>;
  /** Takes a failed task off the list; it stays in the record. @throws TaskNotFoundError when it is not on the list. */
  dropDeadLetter(taskId: string): Promise<void>;
}
