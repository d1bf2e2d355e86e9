/** What a resource is in the pretended cloud: its id, its outputs, and what it refers to. */
import { randomBytes } from "node:crypto";
import type { PropertyMap } from "@automatos/provider-plugin";
import type { CloudObject, CloudStore, CloudView } from "./cloud-store.ts";
import type { Subject } from "./errors.ts";
import type { KubeconfigCluster } from "./kubeconfig.ts";
import { makingOf } from "./making.ts";
import type { CloudDefinition, Making, Place, ResourceModel } from "./model.ts";
import { knownOutputs, madeOutputs } from "./outputs.ts";
import type { OutputParts } from "./outputs.ts";
import { resolveReferences } from "./references.ts";
import type { RehearsalSettings } from "./settings.ts";
import { defined, textAt } from "./values.ts";

/** A resource of the program, with all that is known of its type. */
export interface Resource {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly model: ResourceModel;
  readonly parts: OutputParts;
  readonly place: Place;
}

export interface ObjectMakerDeps {
  readonly definition: CloudDefinition;
  readonly store: CloudStore;
  readonly settings: RehearsalSettings;
  /** The real cluster behind the rehearsed one that has one of these names. */
  readonly clusterOf: (names: readonly string[]) => KubeconfigCluster | undefined;
}

/** What an update begins with. */
export interface Before {
  readonly object: CloudObject;
  readonly outputs: PropertyMap;
}

export interface MadeObject {
  readonly object: CloudObject;
  readonly outputs: PropertyMap;
  /** How often something it refers to was not found yet. */
  readonly retried: number;
}

export class ObjectMaker {
  readonly #deps: ObjectMakerDeps;

  constructor(deps: ObjectMakerDeps) {
    this.#deps = deps;
  }

  /** @throws RehearsedCloudError when something it refers to is not there, or the cloud would not have it so */
  make(resource: Resource, subject: Subject, cloud: CloudView, before?: Before): MadeObject {
    const { store, definition, settings, clusterOf } = this.#deps;
    const { model, parts } = resource;
    const known = knownOutputs(parts);
    const seed = before?.object.seed ?? randomBytes(16).toString("hex");
    const cluster = model.isCluster === true ? clusterOf([resource.name, textAt(known, "name") ?? ""]) : undefined;
    const facts = { ...resource, seed, inputs: parts.inputs, known, cluster, cloud, now: new Date().toISOString() };
    const { referred, holds, retried } = resolveReferences({
      references: model.references ?? [],
      making: makingOf({ ...facts, referred: new Map() }),
      cloud,
      errors: definition.errors,
      subject,
      normalise: definition.normalise,
      retries: settings.consistency.retries,
    });
    const once = madeOnce(makingOf({ ...facts, referred }), model, before?.outputs);
    const making = makingOf({ ...facts, known: { ...known, ...once }, referred });
    const reason = model.refuse?.(making);
    if (reason !== undefined) throw definition.errors.refused(subject, reason);
    const id = before?.object.id ?? model.id(making);
    const outputs = madeOutputs(parts, making, once, definition.inventOutput);
    const object: CloudObject = {
      type: resource.type,
      id,
      name: resource.name,
      urn: resource.urn,
      seed,
      handles: this.#handles(id, outputs, model.handles?.(making) ?? []),
      unique: model.unique?.(making) ?? [],
      quotaScope: [resource.type, ...Object.values(resource.place)].join("/"),
      holds,
      inputs: store.sealing.seal(parts.inputs),
      outputs: store.sealing.seal(outputs),
      createdAt: before?.object.createdAt ?? making.now,
      settling: before?.object.settling ?? 0,
    };
    return { object, outputs, retried };
  }

  #handles(id: string, outputs: PropertyMap, more: readonly string[]): string[] {
    const own = ["name", "arn", "selfLink"].flatMap((key) => textAt(outputs, key) ?? []);
    return [...new Set([id, ...own, ...more].map((handle) => this.#deps.definition.normalise(handle)))];
  }
}

/** What was made at the creation stays as it was. */
function madeOnce(making: Making, model: ResourceModel, oldOutputs: PropertyMap = {}): PropertyMap {
  const made = defined(model.created?.(making) ?? {});
  return Object.fromEntries(Object.entries(made).map(([key, value]) => [key, oldOutputs[key] ?? value]));
}
