import { between, integer, string } from "@automatos/provider-plugin";
import { ADJECTIVES, ADVERBS, ANIMALS } from "../pet-words.ts";
import { pick } from "../uniform.ts";
import { generatedType, keepers } from "./generated.ts";

export const randomPetType = generatedType({
  inputs: {
    keepers,
    length: integer({ default: 2, replaces: true, validate: between(1) }),
    prefix: string({ replaces: true }),
    separator: string({ default: "-", replaces: true }),
  },
  outputs: [],
  generate({ length, prefix, separator }) {
    const id = [...(prefix ? [prefix] : []), ...petName(length)].join(separator);
    return { id, outputs: { id } };
  },
});

/** An animal; an adjective before it; adverbs before that. */
export function petName(words: number): string[] {
  if (words === 1) return [pick(ANIMALS)];
  const adverbs = Array.from({ length: words - 2 }, () => pick(ADVERBS));
  return [...adverbs, pick(ADJECTIVES), pick(ANIMALS)];
}
