import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc64Iso, GoRandom, seededAsGo } from "../src/go-random.ts";
import { permutation } from "../src/uniform.ts";

describe("Go's math/rand", () => {
  // Printed by Go 1.26: crc64.ISO, then Intn(3), Intn(100), Intn(64), Intn(2^53 - 1), Intn(2^40), Perm(7) of one generator.
  const printed = [
    ["12345", 5018153484283805696n, [2n, 32n, 19n, 3324219093574754n, 850981749446n], [0, 6, 4, 5, 2, 3, 1]],
    ["-", 6007801902912241664n, [1n, 25n, 44n, 3820715110845896n, 556691762903n], [0, 4, 3, 2, 5, 6, 1]],
    ["seed", 3702753618340872192n, [1n, 28n, 36n, 5684632484312891n, 812176080122n], [3, 5, 2, 0, 6, 4, 1]],
    ["grüße", 3622540967119012224n, [2n, 77n, 19n, 1755818947404260n, 526543397492n], [3, 4, 5, 6, 0, 2, 1]],
  ] as const;
  for (const [seed, crc, numbers, order] of printed) {
    it(`of the seed ${seed} draws what Go draws`, () => {
      assert.equal(crc64Iso(Buffer.from(seed)), crc);
      const source = seededAsGo(seed);
      const bounds = [3n, 100n, 64n, 2n ** 53n - 1n, 2n ** 40n];
      assert.deepEqual(
        bounds.map((bound) => source.below(bound)),
        numbers,
      );
      assert.deepEqual(permutation(7, source), order);
    });
  }

  it("takes seeds of zero and below, and goes round its state", () => {
    const zero = new GoRandom(0n);
    assert.deepEqual([zero.below(1000n), zero.below(1000n)], [274n, 514n]);
    const negative = new GoRandom(-7n);
    for (let drawn = 0; drawn < 2_000; drawn++) negative.below(2n ** 31n - 1n);
    assert.deepEqual(
      [negative.below(2n ** 31n - 1n), negative.below(2n ** 31n), negative.below(3n * 2n ** 61n)],
      [1405997258n, 992075791n, 3746460860194192595n],
    );
  });
});
