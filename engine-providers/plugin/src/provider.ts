/**
 * What a provider plugin does, in values instead of protocol messages. Each method stands for the call of the same name
 * in Pulumi's provider protocol (pulumi/proto/pulumi/provider.proto).
 */
import type { PropertyMap } from "@automatos/engine/property";
import type {
  CallRequest,
  CallResponse,
  ConstructRequest,
  ConstructResponse,
} from "@pulumi/pulumi/proto/provider_pb.js";
import type { Engine } from "./engine.ts";

export interface Provider {
  /** As the plugin answers to `pulumi plugin ls`: without a leading `v`. */
  readonly version: string;
  /** The package's schema as JSON. Without it: the empty schema of the package. */
  getSchema?(): string;
  /** Validates the provider's own configuration. Without it: what came, without failures. */
  checkConfig?(request: CheckRequest): Promise<Checked>;
  /** Whether a changed configuration replaces the provider, and with it all of its resources. Without it: never. */
  diffConfig?(request: Omit<DiffRequest, "id">): Promise<Diff>;
  /**
   * Called once, before anything below.
   * @throws what the user is told: a configuration that cannot work.
   */
  configure?(request: ConfigureRequest): Promise<void>;
  /** Validates inputs and fills in defaults. Values may be unknown at preview. */
  check(request: CheckRequest): Promise<Checked>;
  diff(request: DiffRequest): Promise<Diff>;
  /**
   * With `preview`, says what the outputs would be, unknown where that cannot be told, and changes nothing.
   * @throws InitializationFailedError when the resource is there but not healthy.
   */
  create(request: CreateRequest): Promise<Created>;
  /** @throws InitializationFailedError when the resource was changed but is not healthy. */
  update(request: UpdateRequest): Promise<PropertyMap>;
  /** Undefined when there is no such resource. Without `inputs` in the request it is an import or a `get`. */
  read(request: ReadRequest): Promise<Read | undefined>;
  /** Succeeds when the resource is gone already. */
  delete(request: DeleteRequest): Promise<void>;
  /** A function of the package. @throws UnknownTokenError when it has no such function. */
  invoke?(request: InvokeRequest): Promise<Invoked>;
  /** A component of the package, in the protocol's own messages. */
  construct?(request: ConstructRequest): Promise<ConstructResponse>;
  /** A method of such a component, in the protocol's own messages. */
  call?(request: CallRequest): Promise<CallResponse>;
}

/** Which resource a request is about. */
export interface ResourceIdentity {
  readonly urn: string;
  /** Type token: `package:module:Type`. */
  readonly type: string;
  readonly name: string;
}

interface Operation extends ResourceIdentity {
  /** Fires when the engine wants running operations to end early. */
  readonly signal: AbortSignal;
}

export interface ConfigureRequest {
  /** Keys without the package's name. What is no string may have come as JSON in a string. */
  readonly config: PropertyMap;
  /** To log, and to ask the engine. */
  readonly engine: Engine;
}

export interface CheckRequest extends ResourceIdentity {
  /** Undefined when the resource is new. */
  readonly oldInputs: PropertyMap | undefined;
  readonly inputs: PropertyMap;
  /** Random bytes of this resource and update, for names that preview and update agree on. Empty without any. */
  readonly randomSeed: Uint8Array;
}

export interface CheckFailure {
  /** Path of the property, empty for the resource as a whole. */
  readonly property: string;
  readonly reason: string;
}

export interface Checked {
  readonly inputs: PropertyMap;
  readonly failures?: readonly CheckFailure[];
}

export interface DiffRequest extends ResourceIdentity {
  readonly id: string;
  readonly oldInputs: PropertyMap;
  readonly oldOutputs: PropertyMap;
  readonly inputs: PropertyMap;
  readonly ignoreChanges: readonly string[];
}

export type DiffKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

export interface PropertyDiff {
  readonly kind: DiffKind;
  /** The change is between old and new inputs, not between old outputs and new inputs. @default false */
  readonly inputDiff?: boolean;
}

export interface Diff {
  readonly changes: boolean;
  /** Top-level properties that changed. */
  readonly diffs?: readonly string[];
  /** Properties whose change replaces the resource. */
  readonly replaces?: readonly string[];
  /** Outputs that an update cannot change. */
  readonly stables?: readonly string[];
  /** By property path. */
  readonly detailedDiff?: Readonly<Record<string, PropertyDiff>>;
  /** @default false */
  readonly deleteBeforeReplace?: boolean;
}

export interface CreateRequest extends Operation {
  readonly inputs: PropertyMap;
  readonly preview: boolean;
  /** From the option `customTimeouts`; 0: the provider's own. */
  readonly timeoutSeconds: number;
}

export interface Created {
  /** Empty at preview. */
  readonly id: string;
  readonly outputs: PropertyMap;
}

export interface UpdateRequest extends CreateRequest {
  readonly id: string;
  readonly oldInputs: PropertyMap;
  readonly oldOutputs: PropertyMap;
  readonly ignoreChanges: readonly string[];
}

export interface ReadRequest extends Operation {
  readonly id: string;
  /** The state as last known; what a `get` was given. */
  readonly outputs: PropertyMap;
  readonly inputs: PropertyMap | undefined;
}

export interface Read {
  readonly id: string;
  readonly outputs: PropertyMap;
  readonly inputs: PropertyMap;
}

export interface DeleteRequest extends Operation {
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
  readonly timeoutSeconds: number;
}

export interface InvokeRequest {
  /** `package:module:function` */
  readonly token: string;
  readonly args: PropertyMap;
  readonly preview: boolean;
  readonly signal: AbortSignal;
}

export interface Invoked {
  readonly result: PropertyMap;
  readonly failures?: readonly CheckFailure[];
}
