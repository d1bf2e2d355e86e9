import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { TaskEvent } from "../../../contracts/task-event.ts";
import { PostgresEventBus } from "../../../services/runner/bus/postgres-event-bus.ts";
import { EventLog } from "../../../services/runner/event-log.ts";
import type { Queryable } from "../../../services/runtime/database.ts";
import { migratedDatabase, silentLog } from "../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { aTask, aWorkspace, openQueuedProcess, type QueuedProcess } from "../../support/runner.ts";

const PAGE_BYTES = 1_048_576;
const LARGE = 60_000;

describe("the event log", () => {
  let server: TestPostgres;
  let client: QueuedProcess;

  before(async () => {
    server = await startPostgres();
    client = await openQueuedProcess((await migratedDatabase(server)).url);
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  /** A task whose events are `sizes` characters of output each, after the two of its submission and before its end. */
  async function taskWithOutput(sizes: readonly number[]): Promise<string> {
    const task = aTask(await aWorkspace(client, "pro"));
    await client.runner.submit(task);
    await client.pool.query(
      `INSERT INTO task_events (task_id, sequence, body)
       SELECT $1, ordinality + 2,
         jsonb_build_object('type', 'step_output', 'index', 0, 'stream', 'stdout', 'text', repeat('é', size))
       FROM unnest($2::int[]) WITH ORDINALITY AS output (size, ordinality)`,
      [task.taskId, sizes],
    );
    await client.pool.query(
      `UPDATE task_executions SET status = 'cancelled', completed_at = now(), event_count = $2 WHERE id = $1`,
      [task.taskId, sizes.length + 2],
    );
    return task.taskId;
  }

  /** Follows to the end; the pages are counted by what the server sent. */
  async function follow(taskId: string, from = 0): Promise<{ events: TaskEvent[]; pages: string[][] }> {
    const pages: string[][] = [];
    const pool: Queryable = {
      query: (async (text: string, values: unknown[]) => {
        const result = await client.pool.query<{ body?: unknown }>(text, values);
        const bodies = result.rows.flatMap(({ body }) => (body === undefined ? [] : [JSON.stringify(body)]));
        if (bodies.length > 0) pages.push(bodies);
        return result;
      }) as Queryable["query"],
    };
    const log = new EventLog({ pool, bus: new PostgresEventBus({ pool, listener: client.listener, log: silentLog }) });
    try {
      const events: TaskEvent[] = [];
      for await (const event of log.follow(taskId, from)) events.push(event);
      return { events, pages };
    } finally {
      log.close();
    }
  }

  const numbers = (events: readonly TaskEvent[]): number[] => events.map(({ sequence }) => sequence);

  it("gives large events in pages that end at a mebibyte, all of them and in order", async () => {
    const taskId = await taskWithOutput(Array.from({ length: 100 }, (_, index) => (index % 10 === 0 ? 3 : LARGE)));
    const { events, pages } = await follow(taskId);
    assert.deepEqual(
      numbers(events),
      Array.from({ length: 103 }, (_, index) => index + 1),
    );
    assert.ok(pages.length >= 10, `${pages.length} pages`);
    for (const page of pages) {
      const allButTheLast = page.slice(0, -1).reduce((sum, body) => sum + Buffer.byteLength(body), 0);
      assert.ok(allButTheLast < PAGE_BYTES, `${allButTheLast} bytes before the last event of a page`);
    }
  });

  it("gives an event that is larger than a page, and small ones 200 at once", async () => {
    const taskId = await taskWithOutput([PAGE_BYTES, ...Array.from({ length: 450 }, () => 1)]);
    const { events, pages } = await follow(taskId, 2);
    assert.deepEqual(
      numbers(events),
      Array.from({ length: 452 }, (_, index) => index + 3),
    );
    assert.deepEqual(
      pages.map(({ length }) => length),
      [1, 200, 200, 51],
    );
  });
});
