import { after, before } from "node:test";
import { describeTaskRunner } from "../../contract/task-runner.contract.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { aWorkspace, openQueuedProcess } from "../../support/runner.ts";

let server: TestPostgres;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

describeTaskRunner("QueuedTaskRunner", async (execute, { concurrency, graceSeconds, plans }) => {
  const { url } = await migratedDatabase(server);
  const client = await openQueuedProcess(url, { plans });
  const worker = await openQueuedProcess(url, { plans });
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
});
