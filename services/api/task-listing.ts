import type { TaskList, TaskListQuery } from "../../contracts/http-api.ts";
import type { AgentTask } from "../../contracts/task.ts";

/** What the record knows of tasks beside the runner. */
export interface TaskListing {
  /** A page of tasks, the newest first; of all workspaces where none is named. */
  list(query: TaskListQuery): Promise<TaskList>;
  /** What was submitted. @throws TaskNotFoundError */
  definition(taskId: string): Promise<AgentTask>;
  /** Number of the last event of a task so far; 0 when there is none. */
  lastSequence(taskId: string): Promise<number>;
}
