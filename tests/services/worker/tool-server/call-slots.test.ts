import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CallSlots } from "../../../../services/worker/tool-server/call-slots.ts";

describe("the slots of a worker's calls", () => {
  it("are never all one workspace's, whatever its plan allows", () => {
    const slots = new CallSlots(64);
    const taken: (() => void)[] = [];
    const take = (workspaceId: string) => taken.push(slots.take(workspaceId, 64));
    assert.throws(
      () => {
        for (;;) take("greedy");
      },
      { code: "WORKERS_BUSY", status: 503 },
    );
    assert.ok(taken.length >= 40 && taken.length < 64, `${taken.length} are one's`);
    take("modest");
    for (const release of taken) release();
    assert.equal(slots.total, 0);
  });

  it("leave one for whoever has none, as long as any is free", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 120 }),
        (limit, takes) => {
          const slots = new CallSlots(limit);
          for (const workspaceId of takes) {
            try {
              slots.take(workspaceId, 1_000);
            } catch {
              // refused: what is left is for others
            }
          }
          assert.ok(slots.total <= limit);
          if (slots.total < limit) slots.take("new", 1_000);
        },
      ),
    );
  });

  it("hold to the plan's own limit first", () => {
    const slots = new CallSlots(64);
    slots.take("a", 1);
    assert.throws(() => slots.take("a", 1), { code: "TOO_MANY_CALLS", status: 429 });
  });
});
