import type { QueueBackend } from "../../../contracts/service-env.ts";
import { PostgresEventBus } from "./postgres-event-bus.ts";
import { RedisEventBus } from "./redis-event-bus.ts";
import type { EventBus } from "./event-bus.ts";

export interface EventBusSettings {
  readonly QUEUE_BACKEND: QueueBackend;
  readonly REDIS_URL?: string | undefined;
}

/** The bus that goes with the queues of QUEUE_BACKEND. */
export function createEventBus(
  settings: EventBusSettings,
  deps: ConstructorParameters<typeof PostgresEventBus>[0],
): EventBus {
  const record = new PostgresEventBus(deps);
  if (settings.QUEUE_BACKEND === "postgres") return record;
  if (settings.REDIS_URL === undefined) throw new TypeError("QUEUE_BACKEND=redis needs REDIS_URL");
  return new RedisEventBus({ url: settings.REDIS_URL, record, log: deps.log });
}
