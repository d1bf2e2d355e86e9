import { after, before } from "node:test";
import { PostgresTaskQueues } from "../../../../services/runner/queues/postgres-task-queues.ts";
import { RedisTaskQueues } from "../../../../services/runner/queues/redis-task-queues.ts";
import { describeTaskQueues } from "../../../contract/task-queues.contract.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { redisIsMissing, startRedis } from "../../../support/redis.ts";

let postgres: TestPostgres;
before(async () => {
  postgres = await startPostgres();
});
after(() => postgres.stop());

describeTaskQueues("PostgresTaskQueues", async () => {
  const { url } = await migratedDatabase(postgres);
  return { open: () => new PostgresTaskQueues({ url, log: silentLog }), destroy: async () => undefined };
});

if ((await redisIsMissing()) === false) {
  describeTaskQueues("RedisTaskQueues", async () => {
    const redis = await startRedis();
    return { open: () => new RedisTaskQueues({ url: redis.url, log: silentLog }), destroy: () => redis.stop() };
  });
}
