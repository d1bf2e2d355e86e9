import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, describe, it } from "node:test";
import type { EventBus, TaskNews } from "../../services/runner/bus/event-bus.ts";

export interface BusesUnderTest {
  /** One more process' own, not started. */
  readonly open: () => Promise<EventBus>;
  /** Takes away what carries the news, and brings it back. */
  readonly interrupt: () => Promise<void>;
  readonly destroy: () => Promise<void>;
}

/** What all kinds of EventBus promise. A new promise is first written here. */
export function describeEventBus(kind: string, create: () => Promise<BusesUnderTest>): void {
  describe(`${kind} as an EventBus`, { timeout: 60_000 }, () => {
    let current: BusesUnderTest | undefined;
    const opened: EventBus[] = [];
    afterEach(async () => {
      for (const bus of opened.splice(0)) await bus.close();
      await current?.destroy();
      current = undefined;
    });
    const start = async (): Promise<EventBus> => {
      current ??= await create();
      const bus = await current.open();
      opened.push(bus);
      await bus.start();
      return bus;
    };

    it("tells everyone, him who publishes as well, of every task", async () => {
      const [one, other] = [await start(), await start()];
      const [heardByOne, heardByOther] = [listen(one), listen(other)];
      const news = [
        { taskId: randomUUID(), ended: false },
        { taskId: randomUUID(), ended: true },
      ];
      await settled(one, heardByOne);
      await settled(one, heardByOther);
      await one.publish(news);
      for (const each of news) assert.deepEqual([await heardByOne.of(each), await heardByOther.of(each)], [each, each]);
    });

    it("tells nobody who has ended his subscription", async () => {
      const bus = await start();
      const [gone, here] = [listen(bus), listen(bus)];
      await settled(bus, here);
      gone.end();
      const before = gone.count();
      const news = { taskId: randomUUID(), ended: true };
      await bus.publish([news]);
      await here.of(news);
      assert.equal(gone.count(), before);
    });

    it("is heard again after it was away, and says that something may be missing", async () => {
      const [publisher, hearer] = [await start(), await start()];
      const heard = listen(hearer);
      await settled(publisher, heard);
      const gap = new Promise<void>((resolve) => hearer.onGap(resolve));
      await current?.interrupt();
      await gap;
      await settled(publisher, heard);
      const news = { taskId: randomUUID(), ended: true };
      await publisher.publish([news]);
      assert.deepEqual(await heard.of(news), news);
    });

    it("publishes nothing at all, and closes twice", async () => {
      const bus = await start();
      await bus.publish([]);
      await Promise.all([bus.close(), bus.close()]);
    });
  });
}

interface Heard {
  of(news: TaskNews): Promise<TaskNews>;
  has(taskId: string): boolean;
  count(): number;
  end(): void;
}

function listen(bus: EventBus): Heard {
  const heard = new Map<string, TaskNews>();
  let arrived = Promise.withResolvers<undefined>();
  const end = bus.subscribe((news) => {
    heard.set(news.taskId, news);
    arrived.resolve(undefined);
    arrived = Promise.withResolvers();
  });
  return {
    of: async ({ taskId }) => {
      for (;;) {
        const { promise } = arrived;
        const found = heard.get(taskId);
        if (found !== undefined) return found;
        await promise;
      }
    },
    has: (taskId) => heard.has(taskId),
    count: () => heard.size,
    end,
  };
}

/** A subscription takes effect in its own time: resolves when something was heard by it. */
async function settled(bus: EventBus, heard: Heard): Promise<void> {
  for (;;) {
    const probe = { taskId: randomUUID(), ended: false };
    await bus.publish([probe]);
    const late = AbortSignal.timeout(200);
    const over = new Promise<void>((resolve) => late.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.race([heard.of(probe), over]);
    if (heard.has(probe.taskId)) return;
  }
}
