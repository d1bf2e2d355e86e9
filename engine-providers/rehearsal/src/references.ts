/** What inputs refer to, looked up in the pretended cloud. */
import type { CloudObject, CloudView } from "./cloud-store.ts";
import { keyOf } from "./cloud-store.ts";
import type { CloudErrors, Subject } from "./errors.ts";
import type { Making, Reference } from "./model.ts";

export interface Resolution {
  readonly referred: ReadonlyMap<string, readonly CloudObject[]>;
  /** Keys of what cannot be removed while this resource is there. */
  readonly holds: readonly string[];
  /** How many questions had to be asked again until everything was found. */
  readonly retried: number;
}

export interface ResolutionQuery {
  readonly references: readonly Reference[];
  readonly making: Making;
  readonly cloud: CloudView;
  readonly errors: CloudErrors;
  readonly subject: Subject;
  readonly normalise: (handle: string) => string;
  /** How often the provider asks again for what is not found yet. */
  readonly retries: number;
}

/** @throws RehearsedCloudError when something is missing, or is still not found after all retries */
export function resolveReferences(query: ResolutionQuery): Resolution {
  const referred = new Map<string, CloudObject[]>();
  const holds = new Set<string>();
  let retried = 0;
  for (const reference of query.references) {
    for (const value of query.making.texts(reference.at)) {
      if (reference.isBuiltIn?.(value) === true) continue;
      const handle = reference.read === undefined ? value : reference.read(value, query.making);
      if (handle === undefined) continue;
      const object = lookUp(query.cloud, reference.to, query.normalise(handle));
      if (object === undefined) throw query.errors.missing(query.subject, reference.at, value);
      retried += settle(object, reference.at, value, query);
      referred.set(reference.at, [...(referred.get(reference.at) ?? []), object]);
      if (reference.holds !== false) holds.add(keyOf(object));
    }
  }
  return { referred, holds: [...holds], retried };
}

export function lookUp(cloud: CloudView, types: string | readonly string[], handle: string): CloudObject | undefined {
  for (const type of typeof types === "string" ? [types] : types) {
    const object = cloud.get(type, handle) ?? cloud.find(type, handle);
    if (object !== undefined) return object;
  }
  return undefined;
}

/** Asks until the object is found, and returns how often that took. */
function settle(object: CloudObject, path: string, value: string, query: ResolutionQuery): number {
  if (object.settling === 0) return 0;
  const asked = Math.min(object.settling, query.retries + 1);
  query.cloud.put({ ...object, settling: object.settling - asked });
  if (asked > query.retries) throw query.errors.unsettled(query.subject, path, value);
  return asked;
}
