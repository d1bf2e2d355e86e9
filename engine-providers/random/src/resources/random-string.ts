/** RandomString, and RandomPassword, which is the same in secret and with a hash. */
import { between, boolean, integer, string } from "@automatos/provider-plugin";
import type { CheckFailure, Diff, DiffRequest, PropertyMap, ValuesOf } from "@automatos/provider-plugin";
import { plain } from "@automatos/provider-plugin";
import { hash } from "bcryptjs";
import { randomText } from "../characters.ts";
import { generatedType, keepers } from "./generated.ts";

const count = integer({ default: 0, replaces: true, validate: between(0) });
const on = boolean({ default: true, replaces: true });

const inputs = {
  keepers,
  length: integer({ required: true, replaces: true, validate: between(1) }),
  upper: on,
  lower: on,
  special: on,
  numeric: boolean({ computed: true, replaces: true }),
  /** The former name of `numeric`. */
  number: boolean({ computed: true, replaces: true }),
  minUpper: count,
  minLower: count,
  minNumeric: count,
  minSpecial: count,
  // Empty means the usual characters, as none does.
  overrideSpecial: string({ replaces: true }),
} as const;

type Inputs = ValuesOf<typeof inputs>;

/** By which Pulumi's own provider knows that a state needs no upgrade. */
const STRING_STATE_VERSION = 2;
const PASSWORD_STATE_VERSION = 3;

const common = {
  inputs,
  async check({ inputs }: { inputs: PropertyMap }) {
    return { inputs, failures: problems(plain(inputs) as PropertyMap) };
  },
  diff: ignoringSpelling,
  /** The flags can be told at preview unless they are unknown. */
  async plan(inputs: PropertyMap) {
    const numeric = inputs["numeric"] ?? inputs["number"] ?? true;
    return { numeric, number: numeric };
  },
};

export const randomStringType = generatedType({
  ...common,
  outputs: ["result"],
  generate: (inputs) => madeString(generate(inputs), isNumeric(inputs)),
  import: (id) => ({ ...madeString(id, true), inputs: importedInputs(id) }),
});

export const randomPasswordType = generatedType({
  ...common,
  outputs: ["result", "bcryptHash"],
  secretOutputs: ["result", "bcryptHash"],
  generate: async (inputs) => madePassword(generate(inputs), isNumeric(inputs)),
  import: async (id) => ({ ...(await madePassword(id, true)), inputs: importedInputs(id) }),
});

function generate(inputs: Inputs): string {
  return randomText({ ...inputs, numeric: isNumeric(inputs) });
}

function isNumeric({ numeric, number }: Pick<Inputs, "numeric" | "number">): boolean {
  return numeric ?? number ?? true;
}

function madeString(result: string, numeric: boolean) {
  const outputs = { id: result, result, numeric, number: numeric, __meta: meta(STRING_STATE_VERSION) };
  return { id: result, outputs };
}

/** A password is not in its id. */
async function madePassword(result: string, numeric: boolean) {
  const bcryptHash = await bcrypt(result);
  const outputs = { id: "none", result, bcryptHash, numeric, number: numeric, __meta: meta(PASSWORD_STATE_VERSION) };
  return { id: "none", outputs };
}

function meta(version: number): string {
  return JSON.stringify({ schema_version: String(version) });
}

const BCRYPT_COST = 10;

/** Of the first 72 bytes, which is all that bcrypt takes. */
async function bcrypt(text: string): Promise<string> {
  const hashed = await hash(text, BCRYPT_COST);
  // For such input 2a and 2b are one algorithm; 2a is how Pulumi's provider writes it, and what older readers know.
  return hashed.replace(/^\$2b\$/, "$2a$");
}

function importedInputs(text: string): PropertyMap {
  const flags = { upper: true, lower: true, special: true };
  return { length: Array.from(text).length, ...flags, minUpper: 0, minLower: 0, minNumeric: 0, minSpecial: 0 };
}

function problems(inputs: PropertyMap): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const { number, numeric, length } = inputs;
  if (typeof number === "boolean" && typeof numeric === "boolean" && number !== numeric) {
    failures.push({ property: "number", reason: "number and numeric differ; number is the former name, leave it out" });
  }
  const flags = [inputs["upper"], inputs["lower"], inputs["special"], numeric ?? number ?? true];
  if (flags.every((flag) => flag === false)) {
    const reason = "upper, lower, numeric and special are all false; at least one must be true";
    failures.push({ property: "", reason });
  }
  const minima = ["minUpper", "minLower", "minNumeric", "minSpecial"].map((name) => inputs[name]);
  const least = minima.reduce<number>((sum, value) => sum + (typeof value === "number" ? value : 0), 0);
  if (typeof length === "number" && length < least) {
    const reason = `length (${length}) is below minUpper + minLower + minNumeric + minSpecial (${least})`;
    failures.push({ property: "length", reason });
  }
  return failures;
}

/** What means the same is no change: `number` for `numeric`, and an empty `overrideSpecial` for none. */
function ignoringSpelling({ oldInputs, inputs }: DiffRequest, found: Diff): Diff {
  const meaning = (of: PropertyMap): unknown => {
    const { numeric, number } = of;
    return plain(numeric ?? number ?? true);
  };
  const isNoise = (key: string): boolean => {
    if (key === "number" || key === "numeric") return meaning(oldInputs) === meaning(inputs);
    if (key !== "overrideSpecial") return false;
    return [oldInputs, inputs].every((of) => plain(of["overrideSpecial"] ?? "") === "");
  };
  const { diffs = [], replaces = [], detailedDiff = {} } = found;
  const kept = diffs.filter((key) => !isNoise(key));
  return {
    changes: kept.length > 0,
    diffs: kept,
    replaces: replaces.filter((key) => !isNoise(key)),
    detailedDiff: Object.fromEntries(Object.entries(detailedDiff).filter(([path]) => !isNoise(path))),
  };
}
