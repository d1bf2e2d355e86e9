import { pick, permutation, cryptographic } from "./uniform.ts";

const DIGITS = "0123456789";
const LOWER = "abcdefghijklmnopqrstuvwxyz";
const UPPER = LOWER.toUpperCase();
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

export interface CharacterRules {
  /** In characters (Unicode code points). */
  readonly length: number;
  readonly upper: boolean;
  readonly lower: boolean;
  readonly numeric: boolean;
  readonly special: boolean;
  /** Met also where the class itself is off. */
  readonly minUpper: number;
  readonly minLower: number;
  readonly minNumeric: number;
  readonly minSpecial: number;
  /** In place of the usual special characters. @default `!@#$%&*()-_=+[]{}<>:?` */
  readonly overrideSpecial?: string | undefined;
}

/**
 * Every character of a class is equally likely, and so is every order.
 * @throws RangeError when the classes are empty or the minima exceed the length.
 */
export function randomText(rules: CharacterRules): string {
  const { overrideSpecial } = rules;
  const special = overrideSpecial === undefined || overrideSpecial === "" ? SPECIAL : overrideSpecial;
  const classes = [
    { characters: UPPER, on: rules.upper, least: rules.minUpper },
    { characters: LOWER, on: rules.lower, least: rules.minLower },
    { characters: DIGITS, on: rules.numeric, least: rules.minNumeric },
    { characters: special, on: rules.special, least: rules.minSpecial },
  ];
  const drawn = classes.flatMap(({ characters, least }) => draw(characters, least));
  const all = classes.filter(({ on }) => on).map(({ characters }) => characters);
  drawn.push(...draw(all.join(""), rules.length - drawn.length));
  return permutation(drawn.length, cryptographic)
    .map((index) => drawn[index])
    .join("");
}

function draw(characters: string, count: number): string[] {
  const from = Array.from(characters);
  return Array.from({ length: count }, () => pick(from));
}
