import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { queueDepths } from "../../../services/runner/task-queries.ts";
import { migratedDatabase } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { aTask, aWorkspace, openQueuedProcess, type QueuedProcess } from "../../support/runner.ts";

let server: TestPostgres;
let own: QueuedProcess;

before(async () => {
  server = await startPostgres();
  own = await openQueuedProcess((await migratedDatabase(server)).url);
});
after(async () => {
  await own.close();
  await server.stop();
});

it("a task that waits for its time, or for a person, does not make its queue look old", async () => {
  const workspaceId = await aWorkspace(own);
  await own.runner.submit(aTask(workspaceId, { priority: "low", notBefore: "2099-01-01T00:00:00Z" }));
  const low = async () => (await queueDepths(own.pool)).find(({ priority }) => priority === "low");
  const waiting = await low();
  assert.deepEqual([waiting?.queued, waiting?.oldestQueuedSeconds], [1, null]);
  const task = aTask(workspaceId, { priority: "low" });
  await own.runner.submit(task);
  const age = (await low())?.oldestQueuedSeconds;
  assert.ok(typeof age === "number" && age >= 0 && age < 60, `${age}`);
  // Answered a moment ago: it waits since then, however old it is.
  await own.pool.query(
    "UPDATE task_executions SET submitted_at = now() - interval '1 hour', not_before = now() WHERE id = $1",
    [task.taskId],
  );
  assert.ok(((await low())?.oldestQueuedSeconds ?? Infinity) < 60);
});
