import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { masked } from "../../src/deploy/mask.ts";
import { Turns } from "../../src/deploy/policy/turns.ts";

describe("turns", () => {
  it("come in the order in which they were taken, whoever is ready first", () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 12 }), async (scheduler, count) => {
        const turns = new Turns();
        const order: number[] = [];
        const all = Array.from({ length: count }, async (_, index) => {
          const turn = turns.take();
          await scheduler.schedule(Promise.resolve(), `work ${index}`);
          await turn.come;
          order.push(index);
          await scheduler.schedule(Promise.resolve(), `end ${index}`);
          turn.leave();
          turn.leave();
        });
        await scheduler.waitFor(Promise.all(all));
        assert.deepEqual(
          order,
          [...order].sort((a, b) => a - b),
        );
        assert.equal(order.length, count);
      }),
    ));

  it("may be left before they come", async () => {
    const turns = new Turns();
    const [first, second, third] = [turns.take(), turns.take(), turns.take()];
    second.leave();
    first.leave();
    await third.come;
  });
});

describe("masked texts", () => {
  it("hold no secret, as it is or as JSON writes it", () => {
    assert.equal(
      masked('pin is 1234 and 12345, {"key":"a\\nb"}', ["1234", "12345", "a\nb", "xy"]),
      'pin is [secret] and [secret], {"key":"[secret]"}',
    );
    assert.equal(masked("of two", ["", "of"]), "of two", "what is too short is found in any text");
  });
});
