import type { QueueBackend } from "../../../contracts/service-env.ts";
import type { Logger } from "../../runtime/logger.ts";
import { PostgresTaskQueues } from "./postgres-task-queues.ts";
import { RedisTaskQueues } from "./redis-task-queues.ts";
import type { TaskQueues } from "./task-queues.ts";

export interface QueueSettings {
  readonly QUEUE_BACKEND: QueueBackend;
  readonly REDIS_URL?: string | undefined;
  readonly DATABASE_URL: string;
}

/** The queues that QUEUE_BACKEND names. */
export function createTaskQueues(settings: QueueSettings, log: Logger): TaskQueues {
  if (settings.QUEUE_BACKEND === "postgres") return new PostgresTaskQueues({ url: settings.DATABASE_URL, log });
  if (settings.REDIS_URL === undefined) throw new TypeError("QUEUE_BACKEND=redis needs REDIS_URL");
  return new RedisTaskQueues({ url: settings.REDIS_URL, log });
}
