import { integer, string } from "@automatos/provider-plugin";
import type { Made } from "@automatos/provider-plugin";
import { seededAsGo } from "../go-random.ts";
import { cryptographic } from "../uniform.ts";
import { generatedType, keepers } from "./generated.ts";

export const randomIntegerType = generatedType({
  inputs: {
    keepers,
    min: integer({ required: true, replaces: true }),
    max: integer({ required: true, replaces: true }),
    seed: string({ replaces: true }),
  },
  outputs: ["result"],
  async check({ inputs }) {
    const { min, max } = inputs;
    if (typeof min !== "number" || typeof max !== "number" || min <= max) return { inputs, failures: [] };
    return {
      inputs,
      failures: [{ property: "min", reason: `min (${min}) is above max (${max}); lower min or raise max` }],
    };
  },
  /** A seed always gives the same number: the one that Pulumi's own provider gives. */
  generate({ min, max, seed }) {
    const source = seed ? seededAsGo(seed) : cryptographic;
    return made(Number(source.below(BigInt(max) - BigInt(min) + 1n) + BigInt(min)));
  },
  /** `<result>,<min>,<max>[,<seed>]` */
  import(id) {
    const match = /^(-?\d+),(-?\d+),(-?\d+)(?:,(.*))?$/.exec(id);
    if (!match) {
      throw new Error(`an id to import is needed as result,min,max or result,min,max,seed, not ${JSON.stringify(id)}`);
    }
    const [, result, min, max, seed] = match;
    return {
      ...made(Number(result)),
      inputs: { min: Number(min), max: Number(max), ...(seed !== undefined && { seed }) },
    };
  },
});

function made(result: number): Made {
  return { id: String(result), outputs: { id: String(result), result } };
}
