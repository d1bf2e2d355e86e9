/** Which configured faults strike an action, and how often they have struck already. */
import { createHash } from "node:crypto";
import type { CloudView } from "./cloud-store.ts";
import { fits } from "./settings.ts";
import type { Action, Fault, FaultKind } from "./settings.ts";

export interface FaultTarget {
  readonly type: string;
  readonly name: string;
  readonly action: Action;
  readonly permissions: readonly string[];
}

/** Faults of these kinds strike once where the settings do not say how often. */
const ONCE: ReadonlySet<FaultKind> = new Set<FaultKind>(["vanished", "partial-creation"]);

export class Faults {
  readonly #faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    this.#faults = faults;
  }

  /** The first fault of the kind that strikes this action; it is counted. */
  take<Kind extends FaultKind>(
    kind: Kind,
    target: FaultTarget,
    cloud: CloudView,
  ): Extract<Fault, { fault: Kind }> | undefined {
    for (const fault of this.#faults) {
      if (fault.fault !== kind || !strikes(fault, target)) continue;
      const limit = fault.times ?? (ONCE.has(kind) ? 1 : Number.POSITIVE_INFINITY);
      const counter = counterOf(fault, target);
      if (cloud.strikes(counter) >= limit) continue;
      if (limit !== Number.POSITIVE_INFINITY) cloud.strike(counter);
      return fault as Extract<Fault, { fault: Kind }>;
    }
    return undefined;
  }
}

function strikes(fault: Fault, target: FaultTarget): boolean {
  if (!fits(fault.name, target.name)) return false;
  if (fault.fault === "permission-denied") return target.permissions.some((name) => fits(fault.permission, name));
  return fits(fault.type, target.type) && (fault.fault !== "timeout" || fault.action === target.action);
}

/** What vanishes or is made by half is counted for each resource; everything else for the fault as a whole. */
function counterOf(fault: Fault, target: FaultTarget): string {
  const each = ONCE.has(fault.fault) ? `/${target.type}/${target.name}` : "";
  return createHash("sha256")
    .update(`${JSON.stringify(fault)}${each}`)
    .digest("hex")
    .slice(0, 16);
}
