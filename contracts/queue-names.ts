import type { TaskPriority } from "./task.ts";

/** Prefix of every key that BullMQ writes. */
export const QUEUE_PREFIX = "automatos";
/** The queue that holds admitted tasks of one priority. Each job's id is the task's id. */
export const taskQueueName = (priority: TaskPriority): string => `tasks-${priority}`;
/** Tasks that failed for good. */
export const DEAD_QUEUE = "tasks-dead";

/** Redis channel of the news that a task has new events. The message is empty, or `ended` with the last of them. */
export const taskEventsChannel = (taskId: string): string => `task:${taskId}:events`;
export const EVENTS_PATTERN = taskEventsChannel("*");
export const taskOfEventsChannel = (channel: string): string => channel.split(":")[1] ?? "";
/** Redis key of an ended task's result, as JSON, for an hour. */
export const taskResultKey = (taskId: string): string => `task:${taskId}:result`;
/** Redis key that is there while a worker is heard of. */
export const workerHeartbeatKey = (workerId: string): string => `worker:${workerId}:heartbeat`;
