import { createHash } from "node:crypto";
import { mapWithoutSecrets } from "@automatos/provider-plugin";
import type { PropertyMap } from "@automatos/provider-plugin";
import type { CloudObject, CloudView } from "./cloud-store.ts";
import type { KubeconfigCluster } from "./kubeconfig.ts";
import type { Making, Place } from "./model.ts";
import { isTrueAt, textAt, textsAt, valuesAt } from "./values.ts";

export interface MakingFacts {
  readonly type: string;
  readonly name: string;
  readonly inputs: PropertyMap;
  readonly known: PropertyMap;
  readonly place: Place;
  readonly seed: string;
  readonly now: string;
  readonly cluster: KubeconfigCluster | undefined;
  readonly cloud: CloudView;
  /** What the inputs refer to, by path. */
  readonly referred: ReadonlyMap<string, readonly CloudObject[]>;
}

/** Networks that nobody has: RFC 5737. */
const DOCUMENTATION_NETWORKS = ["192.0.2", "198.51.100", "203.0.113"];

/** The {@link Making} of these facts. */
export function makingOf(facts: MakingFacts): Making {
  const known = mapWithoutSecrets(facts.known);
  const hex = (length: number, purpose = "") => {
    let digits = "";
    for (let part = 0; digits.length < length; part += 1)
      digits += createHash("sha256").update(`${facts.seed}/${purpose}/${part}`).digest("hex");
    return digits.slice(0, length);
  };
  const below = (limit: number, purpose = "") => Number.parseInt(hex(12, purpose), 16) % limit;
  return {
    type: facts.type,
    name: facts.name,
    inputs: mapWithoutSecrets(facts.inputs),
    known,
    place: facts.place,
    now: facts.now,
    cluster: facts.cluster,
    cloud: facts.cloud,
    text: (path) => textAt(known, path) ?? "",
    texts: (path) => textsAt(known, path),
    isTrue: (path) => isTrueAt(known, path),
    number(path, otherwise) {
      const [first] = valuesAt(known, path);
      return typeof first === "number" ? first : otherwise;
    },
    hex,
    below,
    ip(purpose = "ip") {
      const index = below(DOCUMENTATION_NETWORKS.length * 253, purpose);
      return `${DOCUMENTATION_NETWORKS[Math.floor(index / 253)] ?? ""}.${(index % 253) + 1}`;
    },
    of(path, output) {
      const object = facts.referred.get(path)?.[0];
      if (object === undefined) return "";
      if (output === "id") return object.id;
      const value = object.outputs[output] ?? "";
      return typeof value === "object" ? "" : String(value);
    },
  };
}
