import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Delivery, TaskQueues } from "../../services/runner/queues/task-queues.ts";

/** Longer than a message is held. */
const LONG_MS = 30_000;

export interface QueuesUnderTest {
  /** One more process' own, on the same server. */
  readonly open: () => TaskQueues;
  readonly destroy: () => Promise<void>;
}

const ids = (count: number): string[] => Array.from({ length: count }, () => randomUUID());

/** What all kinds of TaskQueues promise. A new promise is first written here. */
export function describeTaskQueues(kind: string, create: () => Promise<QueuesUnderTest>): void {
  describe(`${kind} as TaskQueues`, () => {
    const opened: TaskQueues[] = [];
    let current: QueuesUnderTest | undefined;
    afterEach(async () => {
      for (const queues of opened.splice(0)) await queues.close();
      await current?.destroy();
      current = undefined;
    });
    const start = async (): Promise<TaskQueues> => {
      current ??= await create();
      const queues = current.open();
      opened.push(queues);
      await queues.start();
      await eventually(async () => (await queues.refillIfEmptied(async () => undefined), true));
      return queues;
    };

    it("gives messages in the order in which they came, one priority apart from the other", async () => {
      const queues = await start();
      const [low, normal] = [ids(3), ids(3)];
      await queues.add("low", low);
      for (const id of normal) await queues.add("normal", [id]);
      assert.deepEqual(await takeAll(queues, "normal"), normal);
      assert.deepEqual(await takeAll(queues, "low"), low);
      assert.equal(await queues.take("high"), undefined);
    });

    it("keeps one message of a task that is announced twice, and takes none that was removed", async () => {
      const queues = await start();
      const [first = "", ...others] = ids(3);
      await queues.add("high", [first, ...others]);
      await queues.add("high", [first]);
      await queues.add("high", [...others, first]);
      assert.deepEqual(await takeAll(queues, "high"), [first, ...others]);
      assert.equal(await queues.take("high"), undefined);
    });

    it("lets a task that was taken and removed be announced again", async () => {
      const queues = await start();
      const [id = ""] = ids(1);
      for (let time = 0; time < 3; time++) {
        await queues.add("critical", [id]);
        assert.deepEqual(await takeAll(queues, "critical"), [id]);
      }
    });

    it("gives a message to one of many who take at once", async () => {
      const first = await start();
      const sides = [first, await start(), await start()];
      const all = ids(60);
      await first.add("normal", all);
      const taken = (await Promise.all(sides.map((queues) => takeAll(queues, "normal")))).flat();
      assert.deepEqual(taken.sort(), all.sort());
    });

    it("gives a message that was not removed to another", { timeout: LONG_MS }, async () => {
      const [lost, other] = [await start(), await start()];
      const [id = ""] = ids(1);
      await lost.add("normal", [id]);
      assert.equal((await lost.take("normal"))?.taskId, id);
      await lost.close();
      await other.startRecovery("normal");
      const delivery = await eventually(() => other.take("normal"));
      assert.equal(delivery.taskId, id);
      await delivery.ack();
    });

    it("takes a thousand at once, and those that failed for good", async () => {
      const queues = await start();
      const all = ids(1_000);
      await queues.add("low", all);
      await queues.addDead(all);
      await queues.addDead([]);
      assert.deepEqual(await takeAll(queues, "low"), all);
    });

    it("is not emptied by being left alone", async () => {
      const queues = await start();
      const refill = async () => assert.fail("nothing was lost");
      assert.equal(await queues.refillIfEmptied(refill), false);
      assert.equal(await (await start()).refillIfEmptied(refill), false);
    });

    it("closes more than once", async () => {
      const queues = await start();
      await Promise.all([queues.close(), queues.close()]);
    });
  });
}

/** Takes and removes all that a queue holds. */
export async function takeAll(queues: TaskQueues, priority: Parameters<TaskQueues["take"]>[0]): Promise<string[]> {
  const taken: string[] = [];
  for (let delivery: Delivery | undefined; (delivery = await queues.take(priority)) !== undefined;) {
    taken.push(delivery.taskId);
    await delivery.ack();
  }
  return taken;
}

/** Asks until there is an answer; to fail is none. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = performance.now() + LONG_MS; ;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (performance.now() > deadline) throw new Error("nothing came");
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await delay(25);
  }
}
