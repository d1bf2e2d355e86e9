import type { PropertyMap } from "@automatos/engine/property";
import type { Engine } from "../engine.ts";
import type { CheckFailure, CheckRequest, Diff, DiffRequest } from "../provider.ts";
import type { Fields, ValuesOf } from "./field.ts";

/** What an operation may use besides the inputs. */
export interface OperationContext {
  readonly urn: string;
  readonly name: string;
  readonly engine: Engine;
  /** Fires when the engine wants running operations to end early, and at the end of the option `customTimeouts`. */
  readonly signal: AbortSignal;
}

export interface Made {
  readonly id: string;
  /** Outputs that are no inputs, and inputs that the provider filled in. All other inputs are outputs as they are. */
  readonly outputs: PropertyMap;
}

export interface Found {
  readonly id: string;
  /** Everything that is known, inputs too. */
  readonly outputs: PropertyMap;
  /** Such that a program with these inputs changes nothing. */
  readonly inputs: PropertyMap;
}

/**
 * A type of resource, with its inputs as plain, checked values. Secrets are the caller's matter: an output is secret when
 * {@link secretOutputs} names it, or the input of its name is or holds a secret.
 */
export interface ResourceType<F extends Fields = Fields> {
  readonly inputs: F;
  /** Outputs that are no inputs: unknown until the resource is made. */
  readonly outputs: readonly string[];
  readonly secretOutputs?: readonly string[];
  /** Outputs that an update may change: unknown while it is previewed. */
  readonly updatedOutputs?: readonly string[];
  /**
   * Always: two cannot stand beside each other. Otherwise that is done where both would have one name that the program
   * chose.
   * @default false
   */
  readonly deleteBeforeReplace?: boolean;
  /** The resource has an input `name`, made up where the program gives none. @default false */
  readonly autoNamed?: boolean;
  /** Rules across properties, and inputs that are worked out. Only called with inputs that the fields allow. */
  check?(request: CheckRequest): Promise<{ inputs: PropertyMap; failures: readonly CheckFailure[] }>;
  /** Looks at, and may change, what the comparison of the inputs found. */
  diff?(request: DiffRequest, found: Diff): Diff;
  /**
   * Outputs that can be told before the resource is made.
   * @param inputs As the engine has them: some may be unknown.
   * @param known The same as `create` has them; undefined while any is unknown.
   */
  plan?(inputs: PropertyMap, known: ValuesOf<F> | undefined, context: OperationContext): Promise<PropertyMap>;
  /** @throws InitializationFailedError when the resource is there but not healthy. */
  create(inputs: ValuesOf<F>, context: OperationContext): Promise<Made>;
  /** The outputs as in {@link Made}. Without it every change must be one that replaces. */
  update?(
    id: string,
    inputs: ValuesOf<F>,
    old: { inputs: ValuesOf<F>; outputs: PropertyMap },
    context: OperationContext,
  ): Promise<PropertyMap>;
  /** Undefined when it is gone. Without inputs it is an import or a `get`. */
  read(
    id: string,
    known: { inputs: ValuesOf<F> | undefined; outputs: PropertyMap },
    context: OperationContext,
  ): Promise<Found | undefined>;
  /** Succeeds when it is gone already. */
  delete(id: string, outputs: PropertyMap, context: OperationContext): Promise<void>;
}

/** A function of the package. */
export interface FunctionType<F extends Fields = Fields> {
  readonly inputs: F;
  readonly secretOutputs?: readonly string[];
  invoke(args: ValuesOf<F>, signal: AbortSignal): Promise<PropertyMap>;
}

/** Binds the inputs' types to their fields; at run time the type itself. */
export function resourceType<const F extends Fields>(type: ResourceType<F>): ResourceType {
  return type;
}

/** As {@link resourceType}, for a function. */
export function functionType<const F extends Fields>(type: FunctionType<F>): FunctionType {
  return type;
}
