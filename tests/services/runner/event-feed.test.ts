import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { TaskEvent } from "../../../contracts/task-event.ts";
import { EventFeed, type EventPage } from "../../../services/runner/event-feed.ts";

const taskId = randomUUID();
const PAGE = 200;

/** A record that grows, and how often it was read. */
class Log {
  reads = 0;
  newest = 0;
  readonly read = async (after: number): Promise<EventPage> => {
    this.reads += 1;
    await new Promise(setImmediate);
    const count = Math.max(0, Math.min(PAGE, this.newest - after));
    const events = Array.from({ length: count }, (_, index) => event(after + index + 1));
    return { events, bytes: count * 10, ended: false, newest: this.newest };
  };
}

const event = (sequence: number): TaskEvent => ({
  taskId,
  sequence,
  at: new Date(0).toISOString(),
  body: { type: "task_queued" },
});
const numbers = (page: EventPage): number[] => page.events.map(({ sequence }) => sequence);
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("the feed of a task's events", () => {
  it("is read once for all who are up to date", async () => {
    const log = new Log();
    const feed = new EventFeed(log.read);
    for (let last = 0; last < 50; last += 10) {
      log.newest += 10;
      const pages = await Promise.all(Array.from({ length: 100 }, () => feed.next(last)));
      for (const page of pages) assert.deepEqual(numbers(page), range(last + 1, last + 10));
    }
    assert.equal(log.reads, 5);
  });

  it("gives who comes a little late what was read before, and who is far behind the record", async () => {
    const log = new Log();
    const feed = new EventFeed(log.read);
    log.newest = 2_000;
    for (let last = 0; last < log.newest; last += PAGE) await feed.next(last);
    const { reads } = log;
    assert.deepEqual(numbers(await feed.next(1_950)), range(1_951, 2_000));
    assert.equal(log.reads, reads);
    assert.deepEqual(numbers(await feed.next(0)), range(1, PAGE));
    assert.equal(log.reads, reads + 1);
  });

  it("goes on with the first who is ahead, and with nobody who claims to be beyond the end", async () => {
    const log = new Log();
    const feed = new EventFeed(log.read);
    log.newest = 1_000;
    await feed.next(0);
    assert.deepEqual(numbers(await feed.next(5_000)), []);
    assert.deepEqual(numbers(await feed.next(900)), range(901, 1_000));
    const { reads } = log;
    log.newest = 1_010;
    await Promise.all([feed.next(1_000), feed.next(1_000), feed.next(1_000)]);
    assert.equal(log.reads, reads + 1);
  });

  it("gives every follower each number once, whatever their paces", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 60 }), async (turns) => {
        const log = new Log();
        const feed = new EventFeed(log.read);
        const seen = [0, 0, 0, 0];
        for (const turn of turns) {
          if (turn === 4) {
            log.newest += 37;
            continue;
          }
          const last = seen[turn] ?? 0;
          const page = numbers(await feed.next(last));
          assert.deepEqual(page, range(last + 1, last + page.length));
          assert.ok(page.length > 0 || last === log.newest);
          seen[turn] = last + page.length;
        }
      }),
      { numRuns: 50 },
    );
  });

  it("fails for all who wait when the record does, and is read again after that", async () => {
    const log = new Log();
    let fails = true;
    const feed = new EventFeed((after) => (fails ? Promise.reject(new Error("away")) : log.read(after)));
    const [first, second] = await Promise.allSettled([feed.next(0), feed.next(0)]);
    assert.deepEqual([first.status, second.status], ["rejected", "rejected"]);
    fails = false;
    log.newest = 3;
    assert.deepEqual(numbers(await feed.next(0)), [1, 2, 3]);
  });
});
