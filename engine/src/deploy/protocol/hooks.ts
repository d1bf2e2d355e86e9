/** Functions of the program that run before and after a resource is created, updated or deleted, and when that fails. */
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { ErrorHookRequest, ResourceHookRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { RegisterErrorHookRequest, RegisterResourceHookRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { ResourceState } from "../../model.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { messageOf, ReportedError } from "../errors.ts";
import { hooksOf } from "../goal.ts";
import type { LifecycleHook } from "../goal.ts";
import { marshalProperties } from "../property/wire.ts";
import { urnName } from "../urn.ts";
import type { Callbacks } from "./callbacks.ts";
import { optionsOfState } from "./state-options.ts";

const KEEP_ALL = { keepUnknowns: true, keepSecrets: true, keepResources: true };

export type FailedOperation = "create" | "update" | "delete";

export class ResourceHooks {
  readonly #callbacks: Callbacks;
  readonly #diagnostics: Diagnostics;
  readonly #dryRun: boolean;
  readonly #hooks = new Map<string, RegisterResourceHookRequest>();
  readonly #errorHooks = new Map<string, RegisterErrorHookRequest>();

  constructor(callbacks: Callbacks, diagnostics: Diagnostics, dryRun: boolean) {
    this.#callbacks = callbacks;
    this.#diagnostics = diagnostics;
    this.#dryRun = dryRun;
  }

  /** @throws Error when the name is taken. */
  register(request: RegisterResourceHookRequest): void {
    this.#requireFree(request.getName());
    this.#hooks.set(request.getName(), request);
  }

  /** @throws Error when the name is taken. */
  registerErrorHook(request: RegisterErrorHookRequest): void {
    this.#requireFree(request.getName());
    this.#errorHooks.set(request.getName(), request);
  }

  /**
   * @throws Error when a hook that runs before the operation fails: the operation is not carried out.
   * @returns an error when one that runs after it failed.
   */
  async run(kind: LifecycleHook, state: ResourceState, old?: ResourceState): Promise<Error | undefined> {
    for (const name of hooksOf(state, kind)) {
      const hook = this.#hooks.get(name);
      if (hook === undefined) {
        const error = new Error(`hook ${JSON.stringify(name)} was not registered`);
        if (kind.startsWith("before")) throw error;
        return this.#told(state.urn, error.message);
      }
      if (this.#dryRun && !hook.getOnDryRun()) continue;
      const message = await this.#call(hook, kind, state, old);
      if (message === undefined) continue;
      if (hook.getIgnoreErrors()) {
        const title = kind.charAt(0).toUpperCase() + kind.slice(1);
        this.#diagnostics.warning(state.urn, `${title} hook ${JSON.stringify(name)} failed: ${message}`);
        continue;
      }
      const when = kind.startsWith("before") ? "before" : "after";
      const error = `${when} hook ${JSON.stringify(name)} failed: ${message}`;
      if (when === "before") throw new Error(error);
      return this.#told(state.urn, error);
    }
    return undefined;
  }

  /**
   * Whether the operation is to be tried again.
   * @param state What was to be made, or deleted.
   * @param failures What went wrong, the latest first.
   * @throws Error when a hook fails itself.
   */
  async wantRetry(
    operation: FailedOperation,
    state: ResourceState,
    old: ResourceState | undefined,
    failures: readonly string[],
  ): Promise<boolean> {
    let retry = false;
    for (const name of hooksOf(state, "onError")) {
      const hook = this.#errorHooks.get(name);
      if (hook === undefined) throw new Error(`error hook ${JSON.stringify(name)} was not registered`);
      try {
        retry = (await this.#ask(hook, operation, state, old, failures)) || retry;
      } catch (error) {
        throw new Error(
          `error hooks execution failed: error hook ${JSON.stringify(name)} failed: ${messageOf(error)}`,
          { cause: error },
        );
      }
    }
    return retry;
  }

  #requireFree(name: string): void {
    if (name === "") throw new Error("resource hook name cannot be empty");
    if (this.#hooks.has(name) || this.#errorHooks.has(name))
      throw new Error(`resource hook already registered for name ${JSON.stringify(name)}`);
  }

  #told(urn: string, message: string): ReportedError {
    this.#diagnostics.error(urn, message);
    return new ReportedError(message);
  }

  /** What went wrong, if anything. */
  async #call(
    hook: RegisterResourceHookRequest,
    kind: LifecycleHook,
    state: ResourceState,
    old: ResourceState | undefined,
  ): Promise<string | undefined> {
    const callback = hook.getCallback();
    if (callback === undefined) return "it has no callback";
    const request = new resourcePb.ResourceHookRequest();
    const isDelete = kind.endsWith("Delete");
    describe(request, isDelete ? undefined : state, isDelete ? state : old);
    if (!isDelete && kind.startsWith("after")) request.setNewOutputs(marshalProperties(state.outputs ?? {}, KEEP_ALL));
    try {
      const bytes = await this.#callbacks.invoke(callback, request);
      return resourcePb.ResourceHookResponse.deserializeBinary(bytes).getError() || undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  async #ask(
    hook: RegisterErrorHookRequest,
    operation: FailedOperation,
    state: ResourceState,
    old: ResourceState | undefined,
    failures: readonly string[],
  ): Promise<boolean> {
    const callback = hook.getCallback();
    if (callback === undefined) throw new Error("it has no callback");
    const request = new resourcePb.ErrorHookRequest();
    const isDelete = operation === "delete";
    describe(request, isDelete ? undefined : state, isDelete ? state : old);
    request.setFailedOperation(operation);
    request.setErrorsList([...failures]);
    const bytes = await this.#callbacks.invoke(callback, request);
    const response = resourcePb.ErrorHookResponse.deserializeBinary(bytes);
    if (response.getError() !== "") throw new Error(response.getError());
    return response.getRetry();
  }
}

function describe(
  request: ResourceHookRequest | ErrorHookRequest,
  state: ResourceState | undefined,
  old: ResourceState | undefined,
): void {
  const subject = state ?? old;
  if (subject === undefined) return;
  request.setUrn(subject.urn);
  request.setId(subject.id ?? "");
  request.setName(urnName(subject.urn));
  request.setType(subject.type);
  if (state !== undefined) {
    request.setNewInputs(marshalProperties(state.inputs ?? {}, KEEP_ALL));
    request.setNewOptions(optionsOfState(state));
  }
  if (old !== undefined) {
    request.setOldInputs(marshalProperties(old.inputs ?? {}, KEEP_ALL));
    request.setOldOutputs(marshalProperties(old.outputs ?? {}, KEEP_ALL));
    request.setOldOptions(optionsOfState(old));
  }
}
