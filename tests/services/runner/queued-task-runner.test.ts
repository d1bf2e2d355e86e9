import { after, before } from "node:test";
import { describeTaskRunner } from "../../contract/task-runner.contract.ts";
import type { CreateRunner, RunnerUnderTest } from "../../contract/task-runner/harness.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { redisIsMissing, startRedis, type TestRedis } from "../../support/redis.ts";
import { aWorkspace, openQueuedProcess } from "../../support/runner.ts";

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

describeTaskRunner("QueuedTaskRunner on Postgres", (...asked) => create(undefined, ...asked));

if ((await redisIsMissing()) === false) {
  let redis: TestRedis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());
  describeTaskRunner("QueuedTaskRunner on Redis", async (...asked) => {
    await redis.restart({ empty: true });
    return create(redis.url, ...asked);
  });
}

async function create(
  redisUrl: string | undefined,
  ...[execute, { concurrency, graceSeconds, plans }]: Parameters<CreateRunner>
): Promise<RunnerUnderTest> {
  const { url } = await migratedDatabase(server);
  const client = await openQueuedProcess(url, { plans, redisUrl });
  const worker = await openQueuedProcess(url, { plans, redisUrl });
  const working = await worker.work(execute, { concurrency, shutdownGraceSeconds: graceSeconds });
  return {
    runner: client.runner,
    workspace: (plan) => aWorkspace(client, plan),
    stopWorking: () => working.consumer.close(),
    destroy: async () => {
      await working.close();
      await worker.close();
      await client.close();
    },
  };
}
