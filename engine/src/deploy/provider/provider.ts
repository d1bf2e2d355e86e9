/** What the engine asks of a provider, whatever it is: a plugin process, or a part of the engine. */
import type {
  CallRequest,
  CallResponse,
  ConstructRequest,
  ConstructResponse,
} from "@pulumi/pulumi/proto/provider_pb.js";
import type { PropertyMap } from "../../model.ts";
import type { DiffResult } from "../property/diff.ts";
import type { WireMap } from "../property/output-values.ts";

export interface CheckFailure {
  property: string;
  reason: string;
}

interface ResourceCall {
  urn: string;
  /** A preview: unknown values may be among the properties, and nothing may change. */
  preview: boolean;
}

export interface CheckRequest extends ResourceCall {
  /** Undefined for a resource that is new. */
  olds: PropertyMap | undefined;
  news: PropertyMap;
}

export interface DiffRequest extends ResourceCall {
  id: string;
  oldInputs: PropertyMap;
  oldOutputs: PropertyMap;
  newInputs: PropertyMap;
  ignoreChanges: readonly string[];
}

export interface CreateRequest extends ResourceCall {
  inputs: PropertyMap;
  /** 0 leaves it to the provider. */
  timeoutSeconds: number;
}

export interface ReadRequest extends ResourceCall {
  id: string;
  inputs: PropertyMap | undefined;
  state: PropertyMap;
  timeoutSeconds: number;
}

export interface UpdateRequest extends ResourceCall {
  id: string;
  oldInputs: PropertyMap;
  oldOutputs: PropertyMap;
  newInputs: PropertyMap;
  ignoreChanges: readonly string[];
  timeoutSeconds: number;
}

export interface DeleteRequest extends ResourceCall {
  id: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
  timeoutSeconds: number;
}

/** What a create, update or read did. */
export interface Applied {
  /** Empty at preview, where it is not known, and when a read finds nothing. */
  id: string;
  outputs: PropertyMap;
  /** Only a read gives them: what the resource's inputs are now. */
  inputs?: PropertyMap;
  /** The resource is there, but not healthy: the reasons. */
  initErrors?: readonly string[];
  initErrorMessage?: string;
  /** The provider wants to read the resource before it is compared the next time. */
  refreshBeforeUpdate?: boolean;
}

export interface InvokeResult {
  result: PropertyMap;
  failures: readonly CheckFailure[];
}

export interface Provider {
  check: (request: CheckRequest) => Promise<{ inputs: PropertyMap; failures: readonly CheckFailure[] }>;
  diff: (request: DiffRequest) => Promise<DiffResult>;
  create: (request: CreateRequest) => Promise<Applied>;
  /** Undefined when there is no such resource. */
  read: (request: ReadRequest) => Promise<Applied | undefined>;
  update: (request: UpdateRequest) => Promise<Applied>;
  delete: (request: DeleteRequest) => Promise<void>;
  invoke: (token: string, args: PropertyMap, preview: boolean) => Promise<InvokeResult>;
}

/** A provider that has a configuration of its own: a plugin. */
export interface ConfigurableProvider extends Provider {
  checkConfig: (
    urn: string,
    olds: PropertyMap,
    news: PropertyMap,
  ) => Promise<{ inputs: PropertyMap; failures: readonly CheckFailure[] }>;
  diffConfig: (request: Omit<DiffRequest, "preview" | "id">) => Promise<DiffResult>;
  /** False at preview when a value of its configuration is not known yet. */
  readonly isConfigured: boolean;
  /** Undefined when it is not configured. @param inputs In wire form, with output values. */
  construct: (request: ConstructRequest, inputs: WireMap) => Promise<ConstructResponse | undefined>;
  /** An empty answer when it is not configured. @param args In wire form, with output values. */
  call: (request: CallRequest, args: WireMap) => Promise<CallResponse>;
  configure: (urn: string, id: string, inputs: PropertyMap) => Promise<void>;
  /** Asks what runs in it to stop. */
  cancel: () => Promise<void>;
}

/** The provider could not tell the difference, since parts of its own configuration are not known at preview. */
export class DiffUnavailableError extends Error {
  constructor() {
    super(
      "The provider for this resource has inputs that are not known during preview.\n" +
        "This preview may not correctly represent the changes that will be applied during an update.",
    );
    this.name = "DiffUnavailableError";
  }
}
