import { after, before } from "node:test";
import { PostgresEventBus } from "../../../../services/runner/bus/postgres-event-bus.ts";
import { RedisEventBus } from "../../../../services/runner/bus/redis-event-bus.ts";
import { createPool } from "../../../../services/runtime/database.ts";
import { NotificationListener } from "../../../../services/runtime/listener.ts";
import { describeEventBus } from "../../../contract/event-bus.contract.ts";
import { silentLog } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";
import { redisIsMissing, startRedis } from "../../../support/redis.ts";

let postgres: TestPostgres;
before(async () => {
  postgres = await startPostgres();
});
after(() => postgres.stop());

/** The record's own bus of one process, and how that process ends. */
async function openRecord() {
  const pool = createPool({ url: postgres.url, applicationName: "test", log: silentLog, max: 1 });
  const listener = new NotificationListener({ url: postgres.url, applicationName: "test", log: silentLog });
  await listener.start();
  const close = async () => {
    await listener.close();
    await pool.end();
  };
  return { record: new PostgresEventBus({ pool, listener, log: silentLog }), close };
}

describeEventBus("PostgresEventBus", async () => {
  const closers: (() => Promise<void>)[] = [];
  return {
    open: async () => {
      const { record, close } = await openRecord();
      closers.push(close);
      return record;
    },
    interrupt: async () => {
      await postgres.kill();
      await postgres.restart();
    },
    destroy: async () => {
      for (const close of closers) await close();
    },
  };
});

if ((await redisIsMissing()) === false) {
  describeEventBus("RedisEventBus", async () => {
    const redis = await startRedis();
    const closers: (() => Promise<void>)[] = [];
    return {
      open: async () => {
        const { record, close } = await openRecord();
        closers.push(close);
        return new RedisEventBus({ url: redis.url, record, log: silentLog });
      },
      interrupt: () => redis.restart({ empty: true }),
      destroy: async () => {
        for (const close of closers) await close();
        await redis.stop();
      },
    };
  });
}
