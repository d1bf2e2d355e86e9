import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { RefusalWindows } from "../../../services/api/refusal-windows.ts";

const MINUTE = 60_000;

describe("windows of refusals", () => {
  it("let one of a kind through a minute, which tells of those before it", () => {
    let now = 0;
    const windows = new RefusalWindows({ now: () => now });
    const at = (time: number, kind = "a"): number | null => {
      now = time;
      return windows.admit(kind);
    };
    assert.deepEqual([at(0), at(1), at(2, "b"), at(MINUTE - 1)], [0, null, 0, null]);
    assert.deepEqual([at(MINUTE), at(MINUTE + 1), at(10 * MINUTE)], [2, null, 1]);
  });

  it("count a refusal whose record could not be written, and let the next through", () => {
    const windows = new RefusalWindows({ now: () => 0 });
    assert.deepEqual([windows.admit("a"), windows.admit("a")], [0, null]);
    windows.giveBack("a", 0);
    assert.deepEqual([windows.admit("a"), windows.admit("a")], [2, null]);
  });

  it("lose none in their counts, and remember no more kinds than they may", () => {
    const step = fc.record({ waitMs: fc.nat(MINUTE), kind: fc.constantFrom("a", "b", "c") });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let now = 0;
        const windows = new RefusalWindows({ now: () => now });
        const told = { a: 0, b: 0, c: 0 };
        const seen = { a: 0, b: 0, c: 0 };
        for (const { waitMs, kind } of steps) {
          now += waitMs;
          seen[kind] += 1;
          const suppressed = windows.admit(kind);
          if (suppressed === null) continue;
          told[kind] += suppressed + 1;
          assert.equal(told[kind], seen[kind]);
        }
      }),
    );
    const windows = new RefusalWindows({ now: () => 0, maxKinds: 2 });
    assert.deepEqual(
      ["a", "b", "c", "c", "b", "a"].map((kind) => windows.admit(kind)),
      [0, 0, 0, null, null, 0],
    );
  });
});
