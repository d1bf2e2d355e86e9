/** BullMQ alone, on the server that the runner of the same measurement uses: what it is compared with. */
import { createPostgresBackend, createRedisBackend, withBackend, type Job } from "bullmq";
import { Redis } from "ioredis";
import { createPool } from "../../services/runtime/database.ts";
import { BULLMQ_SCHEMA } from "../../services/runtime/migrate.ts";
import { silentLog } from "../../tests/support/database.ts";

/** A Redis where there is one, else Postgres. */
export interface Servers {
  readonly url: string;
  readonly redisUrl: string | undefined;
}

const onPostgres = withBackend(createPostgresBackend);
const onRedis = withBackend(createRedisBackend);

export interface BareQueue {
  /** Resolves to the job's id. */
  add(): Promise<string>;
  close(): Promise<void>;
}

export function openBareQueue(name: string, servers: Servers): BareQueue {
  const { connection, end } = connect(servers);
  const { Queue } = servers.redisUrl === undefined ? onPostgres : onRedis;
  const queue = new Queue(name, { connection: connection as never });
  return {
    add: async () => (await queue.add("job", {}, { removeOnComplete: true })).id ?? "",
    close: async () => {
      await queue.close();
      await end();
    },
  };
}

/** Resolves when it works; it ends with its process. `onEnd` hears of every job that has ended. */
export async function startBareWorker(
  name: string,
  servers: Servers,
  options: { readonly concurrency: number; readonly onStart?: (id: string) => void; readonly onEnd?: () => void },
): Promise<void> {
  const { Worker } = servers.redisUrl === undefined ? onPostgres : onRedis;
  const work = async (job: Job) => options.onStart?.(job.id ?? "");
  const worker = new Worker(name, work, {
    connection: connect(servers).connection as never,
    concurrency: options.concurrency,
  });
  worker.on("completed", () => options.onEnd?.());
  await worker.waitUntilReady();
}

function connect({ url, redisUrl }: Servers): { readonly connection: unknown; readonly end: () => Promise<unknown> } {
  if (redisUrl !== undefined) {
    const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
    return { connection: redis, end: () => redis.quit() };
  }
  const settings = { search_path: BULLMQ_SCHEMA };
  const pool = createPool({ url, applicationName: "bench", log: silentLog, max: 20, settings });
  return { connection: pool, end: () => pool.end() };
}

/** What a bench's processes hand to one another on the command line. */
export const toArguments = ({ url, redisUrl }: Servers): string[] => [url, redisUrl ?? "-"];
export const fromArguments = ([url = "", redisUrl = "-"]: readonly string[]): Servers => ({
  url,
  redisUrl: redisUrl === "-" ? undefined : redisUrl,
});
