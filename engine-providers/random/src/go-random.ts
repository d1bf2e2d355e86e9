/**
 * Go's `math/rand` with a seed: RandomInteger and RandomShuffle promise that a seed always gives the same result, and
 * the results that are there were made by a provider in Go. No source for what must not be guessed.
 */
import { GO_RANDOM_STATE } from "./go-random-state.ts";
import type { Uniform } from "./uniform.ts";

const LENGTH = 607;
const TAP = 273;
const WORD = (1n << 64n) - 1n;
const INT31_MAX = (1n << 31n) - 1n;
const INT63_MAX = (1n << 63n) - 1n;

/** The generator that terraform-provider-random makes of a seed: its CRC-64 (ISO) is Go's seed. */
export function seededAsGo(seed: string): Uniform {
  return new GoRandom(BigInt.asIntN(64, crc64Iso(Buffer.from(seed))));
}

export class GoRandom implements Uniform {
  readonly #state: BigUint64Array;
  #tap = 0;
  #feed = LENGTH - TAP;

  constructor(seed: bigint) {
    const start = Buffer.from(GO_RANDOM_STATE, "base64");
    const draw = lehmer(seed);
    for (let skipped = 0; skipped < 20; skipped++) draw();
    this.#state = BigUint64Array.from({ length: LENGTH }, (_, index) => {
      const mixed = (draw() << 40n) ^ (draw() << 20n) ^ draw();
      return (mixed & WORD) ^ start.readBigUInt64BE(index * 8);
    });
  }

  /** Go's `Intn`: 31 bits of a draw where they are enough, else 63. */
  below(bound: bigint): bigint {
    const small = bound <= INT31_MAX;
    const max = small ? INT31_MAX : INT63_MAX;
    const draw = (): bigint => (small ? this.#int63() >> 32n : this.#int63());
    if ((bound & (bound - 1n)) === 0n) return draw() & (bound - 1n);
    const limit = max - ((max + 1n) % bound);
    let drawn = draw();
    while (drawn > limit) drawn = draw();
    return drawn % bound;
  }

  #int63(): bigint {
    this.#tap = (this.#tap + LENGTH - 1) % LENGTH;
    this.#feed = (this.#feed + LENGTH - 1) % LENGTH;
    const sum = ((this.#state[this.#feed] ?? 0n) + (this.#state[this.#tap] ?? 0n)) & WORD;
    this.#state[this.#feed] = sum;
    return sum & INT63_MAX;
  }
}

/** x -> 48271 x mod 2^31 - 1, by which Go spreads a seed over the state. */
function lehmer(seed: bigint): () => bigint {
  const wrapped = ((seed % INT31_MAX) + INT31_MAX) % INT31_MAX;
  let x = wrapped === 0n ? 89_482_311n : wrapped;
  return () => (x = (x * 48_271n) % INT31_MAX);
}

/** ISO 3309's polynomial, reflected; inverted before and after. */
export function crc64Iso(bytes: Uint8Array): bigint {
  let crc = WORD;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0xd800_0000_0000_0000n : crc >> 1n;
  }
  return crc ^ WORD;
}
