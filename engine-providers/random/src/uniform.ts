import { randomBytes, randomInt } from "node:crypto";

/** The widest range that `randomInt` draws from. */
const RANDOM_INT_RANGE = 2 ** 48;

/** A source of whole numbers that are all equally likely. */
export interface Uniform {
  /** From 0 to `bound` - 1; `bound` is at least 1. */
  below(bound: bigint): bigint;
}

/** From the operating system's cryptographic source. */
export const cryptographic: Uniform = {
  below(bound) {
    if (bound <= RANDOM_INT_RANGE) return BigInt(randomInt(Number(bound)));
    const bits = (bound - 1n).toString(2).length;
    for (;;) {
      // What is not below the bound is drawn again: a remainder would favour small numbers.
      const drawn = BigInt(`0x${randomBytes(Math.ceil(bits / 8)).toString("hex")}`) & ((1n << BigInt(bits)) - 1n);
      if (drawn < bound) return drawn;
    }
  },
};

export function pick<T>(from: readonly T[]): T {
  const picked = from[randomInt(from.length)];
  if (picked === undefined) throw new RangeError("nothing to pick from");
  return picked;
}

/** A permutation of the numbers below `count` (Fisher and Yates, from the inside out). */
export function permutation(count: number, source: Uniform): number[] {
  const order: number[] = [];
  for (let index = 0; index < count; index++) {
    const swap = Number(source.below(BigInt(index + 1)));
    order[index] = order[swap] ?? index;
    order[swap] = index;
  }
  return order;
}
