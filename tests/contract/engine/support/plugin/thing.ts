/**
 * `conf:index:Thing`, a resource whose inputs say how it behaves, and which writes what is done to it into a ledger.
 *
 * Inputs that are compared: `key` (a change replaces it), and any other (a change updates it); `n` is 1 by default.
 * Inputs that only steer, and whose change is no difference:
 * - `refuse`: the request that fails, "check" | "diff" | "create" | "update" | "delete" | "read";
 * - `sick`: "create" | "update" when that succeeds without bringing the thing to health;
 * - `crash`: "create" | "update" | "delete" when the provider's process dies at that;
 * - `dbr`: its replacement is deleted first;
 * - `exclusive`: there can be one of its name alone;
 * - `meet`: how many creations must be under way before this one goes on.
 *
 * Outputs: the inputs; `twice` (n * 2) and `upper` (label), known as soon as these are; `address`, known once it exists.
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasUnknowns, isSecret, plain, secret, UNKNOWN, type Properties } from "./property.ts";

const steering = new Set(["refuse", "sick", "crash", "dbr", "exclusive", "meet"]);

/** The provider's own folder: a file for each thing that exists, and the ledger. */
const world = process.env["CONF_WORLD"] ?? "";

export function note(line: string): void {
  appendFileSync(process.env["CONF_LEDGER"] ?? "", `${line}\n`);
}

/** What is compared of the inputs. */
export function substance(inputs: Properties): Properties {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => !steering.has(key)));
}

export function outputsOf(inputs: Properties, address: string | undefined): Properties {
  const { n, label } = inputs;
  const derive = (from: unknown, derived: (value: unknown) => unknown): unknown => {
    if (hasUnknowns(from)) return UNKNOWN;
    return isSecret(from) ? secret(derived(plain(from))) : derived(from);
  };
  return {
    ...inputs,
    twice: derive(n, (value) => Number(value) * 2),
    ...(label !== undefined && { upper: derive(label, (value) => String(value).toUpperCase()) }),
    address: address ?? UNKNOWN,
  };
}

/** Takes the name, or the first free one of name-2, name-3 ... @throws Error when an exclusive name is taken. */
export function takeId(name: string, inputs: Properties): string {
  for (let count = 1; ; count += 1) {
    const id = count === 1 ? name : `${name}-${count}`;
    try {
      writeFileSync(join(world, id), JSON.stringify(plain(inputs)), { flag: "wx" });
      return id;
    } catch {
      if (inputs["exclusive"] === true) throw new Error(`there is a thing named ${name} already`);
    }
  }
}

export function write(id: string, inputs: Properties): void {
  writeFileSync(join(world, id), JSON.stringify(plain(inputs)));
}

export function remove(id: string): void {
  rmSync(join(world, id), { force: true });
}

export function find(id: string): Properties | undefined {
  const file = join(world, id);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Properties) : undefined;
}

let underWay = 0;
let arrived: (() => void)[] = [];

/** Resolves when as many creations are under way as `count` says. */
export async function meet(count: number): Promise<void> {
  underWay += 1;
  if (underWay >= count) for (const go of arrived.splice(0)) go();
  else await new Promise<void>((resolve) => (arrived = [...arrived, resolve]));
}
