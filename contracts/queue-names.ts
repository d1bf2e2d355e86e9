import type { TaskPriority } from "./task.ts";

/** Prefix of every key that BullMQ writes. */
export const QUEUE_PREFIX = "automatos";
/** The queue that holds admitted tasks of one priority. Each job's id is the task's id. */
export const taskQueueName = (priority: TaskPriority): string => `tasks-${priority}`;
/** Tasks that failed for good. */
export const DEAD_QUEUE = "tasks-dead";
