import { between, integer, list, string } from "@automatos/provider-plugin";
import { seededAsGo } from "../go-random.ts";
import { cryptographic, permutation } from "../uniform.ts";
import { generatedType, keepers } from "./generated.ts";

/** As @pulumi/random has it: the result is not in the id. */
const ID = "-";

export const randomShuffleType = generatedType({
  inputs: {
    keepers,
    inputs: list(string(), { required: true, replaces: true }),
    resultCount: integer({ replaces: true, validate: between(0) }),
    seed: string({ replaces: true }),
  },
  outputs: ["results"],
  /** A seed always gives the same order: the one that Pulumi's own provider gives. */
  generate({ inputs, resultCount = inputs.length, seed }) {
    const source = seed ? seededAsGo(seed) : cryptographic;
    const results: string[] = [];
    // More results than inputs: another permutation of all, so that none comes more often than once more than another.
    while (inputs.length > 0 && results.length < resultCount) {
      for (const index of permutation(inputs.length, source)) results.push(inputs[index] ?? "");
    }
    return { id: ID, outputs: { id: ID, results: results.slice(0, resultCount) } };
  },
});
