import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { randomText } from "../src/characters.ts";
import { ADJECTIVES, ADVERBS, ANIMALS } from "../src/pet-words.ts";
import { petName } from "../src/resources/random-pet.ts";
import { uuid7 } from "../src/resources/random-uuid.ts";
import { cryptographic, permutation } from "../src/uniform.ts";

const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

describe("cryptographic numbers", () => {
  it("are within any bound", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 70n }), (bound) => {
        const drawn = cryptographic.below(bound);
        return drawn >= 0n && drawn < bound;
      }),
    );
  });

  for (const bound of [3n, 7n, 2n ** 48n + 7n]) {
    it(`below ${bound} are equally likely`, () => {
      const cells = bound < 10n ? Number(bound) : 10;
      assertUniform(cells, () => Number((cryptographic.below(bound) * BigInt(cells)) / bound));
    });
  }
});

describe("a permutation", () => {
  it("has every number once", () => {
    fc.assert(
      fc.property(fc.nat(60), (count) => {
        const sorted = permutation(count, cryptographic).sort((a, b) => a - b);
        assert.deepEqual(sorted, [...Array(count).keys()]);
      }),
    );
  });

  it("has every order equally often", () => {
    const orders = ["012", "021", "102", "120", "201", "210"];
    assertUniform(orders.length, () => orders.indexOf(permutation(3, cryptographic).join("")));
  });
});

describe("random text", () => {
  const minimum = fc.nat(5);
  const rules = fc
    .record({
      upper: fc.boolean(),
      lower: fc.boolean(),
      numeric: fc.boolean(),
      special: fc.boolean(),
      minUpper: minimum,
      minLower: minimum,
      minNumeric: minimum,
      minSpecial: minimum,
      overrideSpecial: fc.option(fc.constantFrom("_%@", "é🙂", "*"), { nil: undefined }),
      more: fc.nat(40),
    })
    .filter(({ upper, lower, numeric, special }) => upper || lower || numeric || special);

  it("has the length, the minima and no character of a class that is off", () => {
    fc.assert(
      fc.property(rules, ({ more, ...given }) => {
        const least = given.minUpper + given.minLower + given.minNumeric + given.minSpecial;
        const length = least + more;
        const text = Array.from(randomText({ ...given, length }));
        const specials = Array.from(given.overrideSpecial ?? SPECIAL);
        const count = (test: (character: string) => boolean): number => text.filter(test).length;
        const classes = [
          [count((c) => /[A-Z]/.test(c)), given.minUpper, given.upper],
          [count((c) => /[a-z]/.test(c)), given.minLower, given.lower],
          [count((c) => /[0-9]/.test(c)), given.minNumeric, given.numeric],
          [count((c) => specials.includes(c)), given.minSpecial, given.special],
        ] as const;
        assert.equal(text.length, length);
        assert.equal(
          classes.reduce((sum, [found]) => sum + found, 0),
          length,
        );
        for (const [found, minimum, on] of classes) assert.ok(on ? found >= minimum : found === minimum);
      }),
    );
  });

  it("draws the characters equally, and minima stand anywhere", () => {
    const off = {
      upper: false,
      lower: false,
      numeric: true,
      special: false,
      minUpper: 0,
      minNumeric: 0,
      minSpecial: 0,
    };
    const digits = randomText({ ...off, length: 20_000, minLower: 0 });
    let next = 0;
    assertUniform(10, () => Number(digits[next++]));
    assertUniform(8, () => randomText({ ...off, length: 8, minLower: 1 }).search(/[a-z]/));
  });
});

describe("a pet's name", () => {
  it("has as many words as asked for, of words that are host names together", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), (length) => {
        const words = petName(length);
        assert.equal(words.length, length);
        assert.ok(ANIMALS.includes(words.at(-1) ?? ""));
        if (length > 1) assert.ok(ADJECTIVES.includes(words.at(-2) ?? ""));
        assert.match(words.join("-"), /^[a-z]+(-[a-z]+)*$/);
      }),
    );
    for (const words of [ADVERBS, ADJECTIVES, ANIMALS]) assert.equal(new Set(words).size, words.length);
  });
});

describe("a UUID of version 7", () => {
  it("holds its time, version and variant", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 47), (time) => {
        const uuid = uuid7(time);
        assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.equal(parseInt(uuid.replaceAll("-", "").slice(0, 12), 16), time);
      }),
    );
  });
});

/**
 * Fails about once in a million runs of a uniform source: chi-squared beyond its mean plus 6 standard deviations and a
 * little for its skew.
 */
function assertUniform(cells: number, draw: () => number): void {
  const draws = 20_000;
  const counts = Array<number>(cells).fill(0);
  for (let drawn = 0; drawn < draws; drawn++) {
    const cell = draw();
    counts[cell] = (counts[cell] ?? Number.NaN) + 1;
  }
  const expected = draws / cells;
  const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = cells - 1;
  assert.ok(chiSquared < freedom + 6 * Math.sqrt(2 * freedom) + 16, `chi-squared ${chiSquared} of ${counts.join(" ")}`);
}
