/** The inputs of a resource as data: what check, diff and the types of the code behind them are made from. */

interface Common<T> {
  /** @default false */
  readonly required?: boolean;
  /** A change replaces the resource; for what is inside as well. @default false */
  readonly replaces?: boolean;
  /**
   * The provider fills it in where the program is silent, so that taking it out of a program changes nothing.
   * @default false
   */
  readonly computed?: boolean;
  /** The value is secret even where the program does not say so. @default false */
  readonly secret?: boolean;
  /** Whether two known values that differ as text mean the same. */
  readonly equal?: (a: T, b: T) => boolean;
  /** What is wrong with a known value: lower case, no full stop. */
  readonly validate?: (value: T) => string | undefined;
}

interface Scalar<T> extends Common<T> {
  /** What check fills in where the program is silent. */
  readonly default?: T;
}

interface ListOptions<T> extends Common<T> {
  /** The order means nothing. @default false */
  readonly unordered?: boolean;
}

/** `Present` says whether a checked value is always there: because it is required, or has a default. */
export interface Field<T = unknown, Present extends boolean = boolean> extends Common<never> {
  readonly kind: "string" | "integer" | "number" | "boolean" | "list" | "map" | "object" | "asset";
  readonly default?: string | number | boolean;
  readonly unordered?: boolean;
  /** Of a list or map. */
  readonly items?: Field;
  /** Of an object. */
  readonly fields?: Fields;
  /** For the types alone: never there. */
  readonly type?: T;
  readonly present?: Present;
}

export type Fields = Readonly<Record<string, Field>>;

/** Checked inputs as plain values. */
export type ValuesOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T, infer P> ? (P extends true ? T : T | undefined) : never;
};

type Presence<O> = O extends { readonly required: true }
  ? true
  : O extends { readonly default: unknown }
    ? true
    : false;

export function string<const O extends Scalar<string>>(options?: O): Field<string, Presence<O>> {
  return { kind: "string", ...options };
}

/** A whole number that a double holds exactly. */
export function integer<const O extends Scalar<number>>(options?: O): Field<number, Presence<O>> {
  return { kind: "integer", ...options };
}

export function boolean<const O extends Scalar<boolean>>(options?: O): Field<boolean, Presence<O>> {
  return { kind: "boolean", ...options };
}

export function list<T, const O extends ListOptions<readonly T[]>>(
  items: Field<T>,
  options?: O,
): Field<readonly T[], Presence<O>> {
  return { kind: "list", items, ...options };
}

export function map<T, const O extends Common<Readonly<Record<string, T>>>>(
  items: Field<T>,
  options?: O,
): Field<Readonly<Record<string, T>>, Presence<O>> {
  return { kind: "map", items, ...options };
}

export function object<const F extends Fields, const O extends Common<ValuesOf<F>>>(
  fields: F,
  options?: O,
): Field<ValuesOf<F>, Presence<O>> {
  return { kind: "object", fields, ...options };
}

/** For `validate`: one of a few words. */
export function oneOf(...words: readonly string[]): (value: string) => string | undefined {
  return (value) => (words.includes(value) ? undefined : `is ${JSON.stringify(value)}, not one of ${words.join(", ")}`);
}

/** For `validate`: a smallest and a largest number. */
export function between(least: number, most = Number.MAX_SAFE_INTEGER): (value: number) => string | undefined {
  return (value) => {
    if (value < least) return `is ${value}, below ${least}`;
    return value > most ? `is ${value}, above ${most}` : undefined;
  };
}
