/** Functions of the program that run before and after a resource is created, updated or deleted. */
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { RegisterResourceHookRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { ResourceState } from "../../model.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { ReportedError } from "../errors.ts";
import { hooksOf } from "../goal.ts";
import type { HookKind } from "../goal.ts";
import { marshalProperties } from "../property/wire.ts";
import { urnName } from "../urn.ts";
import type { Callbacks } from "./callbacks.ts";

const KEEP_ALL = { keepUnknowns: true, keepSecrets: true, keepResources: true };

export class ResourceHooks {
  readonly #callbacks: Callbacks;
  readonly #diagnostics: Diagnostics;
  readonly #dryRun: boolean;
  readonly #hooks = new Map<string, RegisterResourceHookRequest>();

  constructor(callbacks: Callbacks, diagnostics: Diagnostics, dryRun: boolean) {
    this.#callbacks = callbacks;
    this.#diagnostics = diagnostics;
    this.#dryRun = dryRun;
  }

  /** @throws Error when the name is taken. */
  register(request: RegisterResourceHookRequest): void {
    const name = request.getName();
    if (this.#hooks.has(name)) throw new Error(`resource hook already registered for name ${JSON.stringify(name)}`);
    this.#hooks.set(name, request);
  }

  /**
   * @throws Error when a hook that runs before the operation fails: the operation is not carried out.
   * @returns an error when one that runs after it failed.
   */
  async run(kind: HookKind, state: ResourceState, old?: ResourceState): Promise<Error | undefined> {
    for (const name of hooksOf(state, kind)) {
      const hook = this.#hooks.get(name);
      if (hook === undefined) {
        this.#diagnostics.warning(
          state.urn,
          `the ${kind} hook ${JSON.stringify(name)} was not run, as the program that has it was not`,
        );
        continue;
      }
      if (this.#dryRun && !hook.getOnDryRun()) continue;
      const message = await this.#call(hook, kind, state, old);
      if (message === undefined) continue;
      const error = `${kind} hook ${JSON.stringify(name)} failed: ${message}`;
      if (kind.startsWith("before")) throw new Error(error);
      this.#diagnostics.error(state.urn, error);
      return new ReportedError(error);
    }
    return undefined;
  }

  async #call(
    hook: RegisterResourceHookRequest,
    kind: HookKind,
    state: ResourceState,
    old: ResourceState | undefined,
  ): Promise<string | undefined> {
    const callback = hook.getCallback();
    if (callback === undefined) return "it has no callback";
    const request = new resourcePb.ResourceHookRequest();
    request.setUrn(state.urn);
    request.setId(state.id ?? "");
    request.setName(urnName(state.urn));
    request.setType(state.type);
    const isDelete = kind.endsWith("Delete");
    const former = isDelete ? state : old;
    if (!isDelete) {
      request.setNewInputs(marshalProperties(state.inputs ?? {}, KEEP_ALL));
      if (kind.startsWith("after")) request.setNewOutputs(marshalProperties(state.outputs ?? {}, KEEP_ALL));
    }
    if (former !== undefined) {
      request.setOldInputs(marshalProperties(former.inputs ?? {}, KEEP_ALL));
      request.setOldOutputs(marshalProperties(former.outputs ?? {}, KEEP_ALL));
    }
    try {
      const bytes = await this.#callbacks.invoke(callback, request);
      return resourcePb.ResourceHookResponse.deserializeBinary(bytes).getError() || undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
