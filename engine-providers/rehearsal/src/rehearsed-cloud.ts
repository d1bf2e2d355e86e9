/** The pretended cloud: decides what a real one would answer to an action, and keeps what came of it. */
import { InitializationFailedError } from "@automatos/provider-plugin";
import type { PropertyMap, Read } from "@automatos/provider-plugin";
import { keyOf } from "./cloud-store.ts";
import type { CloudObject, CloudView } from "./cloud-store.ts";
import type { RehearsedCloudError, Subject } from "./errors.ts";
import type { Faults, FaultTarget } from "./faults.ts";
import type { LedgerEntry } from "./ledger.ts";
import { ObjectMaker } from "./object-maker.ts";
import type { Before, MadeObject, ObjectMakerDeps, Resource } from "./object-maker.ts";
import { fits } from "./settings.ts";
import type { Action } from "./settings.ts";
import { firstText, textAt } from "./values.ts";

export interface RehearsedCloudDeps extends ObjectMakerDeps {
  readonly faults: Faults;
}

interface Occasion {
  readonly resource: Resource;
  readonly action: Action;
  readonly id: string;
  readonly cloud: CloudView;
  /** What the ledger says of it, as far as it is known. */
  note: Partial<LedgerEntry>;
}

export class RehearsedCloud {
  readonly #deps: RehearsedCloudDeps;
  readonly #maker: ObjectMaker;

  constructor(deps: RehearsedCloudDeps) {
    this.#deps = deps;
    this.#maker = new ObjectMaker(deps);
  }

  /** @throws RehearsedCloudError, or InitializationFailedError of the partial creation that is configured */
  create(resource: Resource, timeoutSeconds: number): Promise<{ id: string; outputs: PropertyMap }> {
    return this.#act(resource, "create", "", (occasion) => {
      const struck = this.#timeout(occasion, timeoutSeconds);
      if (struck?.leaves === "nothing") throw struck.error;
      const { object, outputs } = this.#make(occasion);
      this.#refuseTwins(occasion, object);
      this.#refuseOverQuota(occasion, object);
      occasion.cloud.put(object);
      occasion.note = { ...occasion.note, id: object.id };
      if (struck) throw struck.error;
      const half = this.#deps.faults.take("partial-creation", this.#target(occasion), occasion.cloud);
      if (half) {
        occasion.note = { ...occasion.note, outcome: "partial", fault: half.fault, error: half.reason };
        const reasons = [`rehearsed ${this.#deps.definition.name}: ${half.reason}`];
        throw new InitializationFailedError({ id: object.id, outputs, inputs: resource.parts.inputs, reasons });
      }
      return { id: object.id, outputs };
    });
  }

  /** @throws RehearsedCloudError, also when there is no such resource any more */
  update(resource: Resource, id: string, oldOutputs: PropertyMap, timeoutSeconds: number): Promise<PropertyMap> {
    return this.#act(resource, "update", id, (occasion) => {
      const struck = this.#timeout(occasion, timeoutSeconds);
      if (struck) throw struck.error;
      const old = occasion.cloud.get(resource.type, id);
      if (old === undefined) throw this.#deps.definition.errors.notFound(this.#subject(resource, id));
      const { object, outputs } = this.#make(occasion, { object: old, outputs: oldOutputs });
      this.#refuseTwins(occasion, object, old);
      occasion.cloud.put(object);
      return outputs;
    });
  }

  /** Undefined when it is gone, or is not found yet. */
  read(
    resource: Resource,
    id: string,
    known: { inputs: PropertyMap; outputs: PropertyMap },
  ): Promise<Read | undefined> {
    return this.#act(resource, "read", id, (occasion) => {
      const object = this.#found(occasion);
      if (object === undefined) {
        occasion.note = { ...occasion.note, outcome: "gone" };
        return undefined;
      }
      const { sealing } = this.#deps.store;
      const outputs = sealing.unseal(object.outputs, known.outputs);
      return { id: object.id, outputs, inputs: sealing.unseal(object.inputs, known.inputs) };
    });
  }

  /** @throws RehearsedCloudError when it may not be removed; none when it is gone already */
  delete(
    resource: Resource,
    id: string,
    state: { inputs: PropertyMap; outputs: PropertyMap },
    timeoutSeconds: number,
  ): Promise<void> {
    return this.#act(resource, "delete", id, (occasion) => {
      const { cloud } = occasion;
      const subject = this.#subject(resource, id);
      const struck = this.#timeout(occasion, timeoutSeconds);
      if (struck) throw struck.error;
      const reason = resource.model.refuseRemoval?.({ id, ...state, cloud });
      if (reason !== undefined) throw this.#deps.definition.errors.refused(subject, reason);
      const object = cloud.get(resource.type, id);
      if (object === undefined) {
        occasion.note = { ...occasion.note, outcome: "gone" };
        return;
      }
      if (resource.model.stays?.(state.outputs) === true) return;
      const { types = [], removedWhen } = resource.model.contents ?? {};
      const removable = removedWhen?.(state.outputs) === true;
      const holders = cloud.heldBy(object);
      const contents = holders.filter(({ type }) => types.includes(type));
      const blocking = removable ? holders.filter((holder) => !contents.includes(holder)) : holders;
      if (blocking.length > 0) throw this.#deps.definition.errors.inUse(subject, blocking);
      for (const content of contents) cloud.remove(content);
      cloud.remove(object);
    });
  }

  #act<T>(resource: Resource, action: Action, id: string, work: (occasion: Occasion) => T): Promise<T> {
    return this.#deps.store.transaction((cloud) => {
      const occasion: Occasion = { resource, action, id, cloud, note: {} };
      try {
        this.#vanish(occasion);
        this.#refuseDenied(occasion);
        const result = work(occasion);
        this.#record(occasion, "done");
        return result;
      } catch (error) {
        this.#record(occasion, "failed", error);
        throw error;
      }
    });
  }

  #record(occasion: Occasion, outcome: LedgerEntry["outcome"], error?: unknown): void {
    const { resource, action, id, cloud, note } = occasion;
    cloud.record({
      time: new Date().toISOString(),
      cloud: this.#deps.definition.name,
      action,
      type: resource.type,
      name: resource.name,
      urn: resource.urn,
      id,
      inputs: this.#deps.store.sealing.digest(resource.parts.inputs),
      outcome,
      permissions: resource.model.permissions[action],
      ...(error instanceof Error ? { error: error.message } : {}),
      ...note,
    });
  }

  /** Somebody removed it behind the stack's back. */
  #vanish(occasion: Occasion): void {
    if (occasion.action === "create") return;
    const object = occasion.cloud.get(occasion.resource.type, occasion.id);
    if (object === undefined) return;
    const fault = this.#deps.faults.take("vanished", this.#target(occasion), occasion.cloud);
    if (fault === undefined) return;
    occasion.note = { ...occasion.note, fault: fault.fault };
    occasion.cloud.remove(object);
  }

  #refuseDenied(occasion: Occasion): void {
    const target = this.#target(occasion);
    const fault = this.#deps.faults.take("permission-denied", target, occasion.cloud);
    if (fault === undefined) return;
    occasion.note = { ...occasion.note, fault: fault.fault };
    const denied = target.permissions.find((permission) => fits(fault.permission, permission));
    throw this.#deps.definition.errors.denied(denied ?? fault.permission, this.#subjectOf(occasion));
  }

  #timeout(
    occasion: Occasion,
    seconds: number,
  ): { leaves: "nothing" | "resource"; error: RehearsedCloudError } | undefined {
    const fault = this.#deps.faults.take("timeout", this.#target(occasion), occasion.cloud);
    if (fault === undefined) return undefined;
    occasion.note = { ...occasion.note, fault: fault.fault };
    const error = this.#deps.definition.errors.timeout(this.#subjectOf(occasion), occasion.action, seconds);
    return { leaves: fault.leaves, error };
  }

  #make(occasion: Occasion, before?: Before): MadeObject {
    const made = this.#maker.make(occasion.resource, this.#subjectOf(occasion), occasion.cloud, before);
    if (made.retried > 0) this.#record({ ...occasion, note: {} }, "retried");
    return before ? made : { ...made, object: { ...made.object, settling: this.#settling(occasion) } };
  }

  #settling(occasion: Occasion): number {
    const fault = this.#deps.faults.take("eventual-consistency", this.#target(occasion), occasion.cloud);
    if (fault) {
      occasion.note = { ...occasion.note, fault: fault.fault };
      return fault.failures;
    }
    return occasion.resource.model.settlesLate === true ? this.#deps.settings.consistency.identityFailures : 0;
  }

  #refuseTwins(occasion: Occasion, object: CloudObject, old?: CloudObject): void {
    const { errors } = this.#deps.definition;
    const twin = old === undefined ? occasion.cloud.get(object.type, object.id) : undefined;
    if (twin) throw errors.exists({ ...occasion.resource, id: object.id }, object.id);
    for (const name of object.unique) {
      const owner = occasion.cloud.owner(name);
      if (owner !== undefined && (old === undefined || keyOf(owner) !== keyOf(old)))
        throw errors.exists({ ...occasion.resource, id: object.id }, name);
    }
  }

  #refuseOverQuota(occasion: Occasion, object: CloudObject): void {
    const { definition, settings, faults } = this.#deps;
    const { quota } = occasion.resource.model;
    const limit = settings.quotas[object.type] ?? quota?.limit;
    const name = quota?.name ?? object.type;
    const subject = { ...occasion.resource, id: object.id };
    const fault = faults.take("quota-exceeded", this.#target(occasion), occasion.cloud);
    const count = occasion.cloud.countIn(object.quotaScope);
    if (fault) {
      occasion.note = { ...occasion.note, fault: fault.fault };
      throw definition.errors.quota(subject, name, limit ?? count);
    }
    if (limit !== undefined && count >= limit) throw definition.errors.quota(subject, name, limit);
  }

  #found({ resource, id, cloud }: Occasion): CloudObject | undefined {
    const handle = this.#deps.definition.normalise(id);
    const object = cloud.get(resource.type, id) ?? cloud.find(resource.type, handle);
    if (object === undefined || object.settling === 0) return object;
    const asked = Math.min(object.settling, this.#deps.settings.consistency.retries + 1);
    const later = { ...object, settling: object.settling - asked };
    cloud.put(later);
    return asked > this.#deps.settings.consistency.retries ? undefined : later;
  }

  #target({ resource, action }: Occasion): FaultTarget {
    return { type: resource.type, name: resource.name, action, permissions: resource.model.permissions[action] };
  }

  #subjectOf(occasion: Occasion): Subject {
    const named = textAt(occasion.resource.parts.inputs, "name");
    return this.#subject(occasion.resource, firstText(occasion.id, named, occasion.resource.name));
  }

  #subject(resource: Resource, id: string): Subject {
    return { type: resource.type, name: resource.name, id };
  }
}
