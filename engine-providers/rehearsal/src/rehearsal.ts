/** A rehearsal's folder, for who looks on: tests, reports, and what happens behind a stack's back. */
import { CloudStore } from "./cloud-store.ts";
import type { CloudObject } from "./cloud-store.ts";
import { readLedger } from "./ledger.ts";
import type { LedgerEntry } from "./ledger.ts";
import type { Json, JsonMap } from "./sealing.ts";

/** A resource of the pretended cloud; secrets are digests. */
export interface RehearsedResource {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly urn: string;
  readonly inputs: JsonMap;
  readonly outputs: JsonMap;
  readonly createdAt: string;
}

export interface Rehearsal {
  /** All actions so far in all clouds of the folder, oldest first. */
  ledger(): LedgerEntry[];
  resources(): Promise<RehearsedResource[]>;
  /** Removes a resource as somebody else would: no stack hears of it. False when there is none. */
  remove(type: string, id: string): Promise<boolean>;
  /** Changes a resource's properties as somebody else would, in its inputs and outputs. False when there is none. */
  change(type: string, id: string, properties: Readonly<Record<string, Json>>): Promise<boolean>;
}

/** @param cloud gcp or aws */
export function openRehearsal(folder: string, cloud: string): Rehearsal {
  const store = new CloudStore(folder, cloud);
  return {
    ledger: () => readLedger(folder),
    resources: () => store.transaction((view) => view.all().map(described)),
    remove: (type, id) =>
      store.transaction((view) => {
        const object = view.get(type, id);
        if (object !== undefined) view.remove(object);
        return object !== undefined;
      }),
    change: (type, id, properties) =>
      store.transaction((view) => {
        const object = view.get(type, id);
        if (object === undefined) return false;
        view.put({
          ...object,
          inputs: { ...object.inputs, ...properties },
          outputs: { ...object.outputs, ...properties },
        });
        return true;
      }),
  };
}

function described(object: CloudObject): RehearsedResource {
  const { type, id, name, urn, inputs, outputs, createdAt } = object;
  return { type, id, name, urn, inputs, outputs, createdAt };
}
