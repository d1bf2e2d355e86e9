/**
 * The words that the two halves of the engine share: `deploy/` (what Pulumi calls the deployment: monitor, steps,
 * providers) and `cli/` with `backend/` (commands, state files, secrets, display). Neither imports the other's insides.
 */

/** A value that is not known until a resource was created; seen at preview only. */
export class Unknown {
  static readonly instance = new Unknown();
  readonly kind = "unknown";
}

/** A value that must be encrypted in state and masked in output. Never nested directly in another Secret. */
export class Secret {
  readonly element: PropertyValue;
  constructor(element: PropertyValue) {
    this.element = element instanceof Secret ? element.element : element;
  }
}

/** A reference to another resource, as the protocol's `resourceReferences` feature sends it. */
export class ResourceReference {
  readonly urn: string;
  readonly id: PropertyValue | undefined;
  readonly packageVersion: string;
  constructor(urn: string, id: PropertyValue | undefined, packageVersion: string) {
    this.urn = urn;
    this.id = id;
    this.packageVersion = packageVersion;
  }
}

/** An asset or archive, kept in its wire form (`text`, `path`, `uri`, `assets`, `hash`). */
export class AssetOrArchive {
  readonly kind: "asset" | "archive";
  readonly fields: Readonly<Record<string, PropertyValue>>;
  constructor(kind: "asset" | "archive", fields: Readonly<Record<string, PropertyValue>>) {
    this.kind = kind;
    this.fields = fields;
  }
}

export type PropertyValue =
  | null
  | boolean
  | number
  | string
  | Unknown
  | Secret
  | ResourceReference
  | AssetOrArchive
  | readonly PropertyValue[]
  | PropertyMap;
export interface PropertyMap {
  readonly [key: string]: PropertyValue;
}

/** One resource of a snapshot, named as in deployment version 3 (apitype.ResourceV3), properties decrypted. */
export interface ResourceState {
  urn: string;
  custom: boolean;
  delete?: boolean;
  id?: string;
  type: string;
  inputs?: PropertyMap;
  outputs?: PropertyMap;
  parent?: string;
  protect?: boolean;
  external?: boolean;
  dependencies?: string[];
  initErrors?: string[];
  provider?: string;
  propertyDependencies?: Record<string, string[]>;
  pendingReplacement?: boolean;
  additionalSecretOutputs?: string[];
  aliases?: string[];
  customTimeouts?: { create?: number; update?: number; delete?: number; read?: number };
  importID?: string;
  retainOnDelete?: boolean;
  deletedWith?: string;
  created?: string;
  modified?: string;
  sourcePosition?: string;
  ignoreChanges?: string[];
  replaceOnChanges?: string[];
  hideDiff?: string[];
  replacementTrigger?: PropertyValue;
  /** Fields that a newer Pulumi wrote and that this engine does not read: carried over unchanged. */
  extra?: Record<string, unknown>;
}

/** An operation that had begun when the engine stopped (apitype.OperationV2). */
export interface PendingOperation {
  resource: ResourceState;
  type: "creating" | "updating" | "deleting" | "reading" | "importing";
}

/**
 * What a stack holds. Order matters: dependencies come before dependants. The states in it are never changed again: a
 * resource that changes is another object in the next snapshot.
 */
export interface Snapshot {
  resources: ResourceState[];
  pendingOperations: PendingOperation[];
}

export type StepOp =
  | "same"
  | "create"
  | "update"
  | "delete"
  | "replace"
  | "create-replacement"
  | "delete-replaced"
  | "read"
  | "read-replacement"
  | "discard"
  | "discard-replaced"
  | "remove-pending-replace"
  | "refresh"
  | "import"
  | "import-replacement";

/** An event as Pulumi's `--event-log` and the Automation API read it (apitype.EngineEvent): one JSON object a line. */
export interface EngineEvent {
  sequence: number;
  timestamp: number;
  [kind: string]: unknown;
}

/** A provider plugin that the project brings itself (Pulumi.yaml: `plugins.providers[]`, local `packages`). */
export interface ProjectPlugin {
  name: string;
  /** Absolute: a folder with `pulumi-resource-<name>`, or with PulumiPlugin.yaml. */
  path: string;
  /** Undefined serves any version that is asked for. */
  version?: string;
}

/** A policy pack that the operation is checked against. */
export interface PolicyPackRequest {
  /** A folder with PulumiPolicy.yaml, or a program that serves policies; from the working folder. */
  path: string;
  /** A JSON file with its configuration; from the working folder. */
  config?: string;
}

/** A resource that is there already, and becomes one of the stack's (`pulumi import`). */
export interface ImportRequest {
  type: string;
  name: string;
  /** What the provider knows it by; undefined for a component, which exists in the state alone. */
  id?: string;
  /** URN; the stack by default. */
  parent?: string;
  /** URN of a provider that the state holds; the package's default provider otherwise. */
  provider?: string;
  /** Of the default provider's plugin. */
  version?: string;
  /** The names of the inputs that are kept; all that the provider tells by default. */
  properties?: readonly string[];
  protect: boolean;
}

/** A value of the configuration as the program gets it. */
export interface ProgramConfigValue {
  readonly value: string;
  readonly secret: boolean;
  /** The secrets in it, where it is the JSON of more than one text. @default the value, when it is secret */
  readonly secretTexts?: readonly string[];
}

export type OperationKind = "preview" | "update" | "refresh" | "destroy" | "import";

/** What `deploy/` is given to carry one operation out. */
export interface OperationRequest {
  kind: OperationKind;
  /** With kind "refresh" or "destroy": whether it is only a preview. */
  dryRun: boolean;
  organization: string;
  project: string;
  stack: string;
  /** Folder of Pulumi.yaml. */
  projectDir: string;
  /** `main` of Pulumi.yaml, resolved; the project's folder otherwise. */
  program: string;
  runtimeOptions: { typescript?: boolean; nodeargs?: string; packagemanager?: string };
  /**
   * `host:port` of a language runtime that runs the program in its own process: an inline program of the Automation
   * API. Undefined where the engine starts the program itself.
   */
  client?: string;
  /** @default [] */
  plugins?: readonly ProjectPlugin[];
  /** Not used by refresh and destroy, as in Pulumi. @default [] */
  policyPacks?: readonly PolicyPackRequest[];
  /** The stack's tags, for policies. @default {} */
  stackTags?: Readonly<Record<string, string>>;
  /** Keys as `project:key`, values decrypted. */
  config: ReadonlyMap<string, ProgramConfigValue>;
  /** The snapshot before the operation. */
  base: Snapshot;
  parallel: number;
  targets: readonly string[];
  targetDependents: boolean;
  excludes: readonly string[];
  /** Whether events hold the messages for who looks for a fault. @default false */
  debug?: boolean;
  /** Whether what depends on an excluded resource is left alone too. @default false */
  excludeDependents?: boolean;
  /** Whether a destroy goes on to what a failure does not concern. @default false */
  continueOnError?: boolean;
  /** With kind "import": what is imported. @default [] */
  imports?: readonly ImportRequest[];
  replaces: readonly string[];
  refreshFirst: boolean;
  /** Graceful stop: no step begins after this fires; running ones end. */
  signal: AbortSignal;
  /** Called after each step and before each create/update/delete (pending operation): resolves when it is on disk. */
  checkpoint: (snapshot: Snapshot) => Promise<void>;
  onEvent: (event: EngineEvent) => void;
  /** Reads another stack's outputs, for StackReference. Undefined when there is no such stack. */
  readStackOutputs: (qualifiedName: string) => Promise<PropertyMap | undefined>;
}

export interface OperationResult {
  ok: boolean;
  cancelled: boolean;
  /** Counts per operation, as the summary event has them. */
  changes: Partial<Record<StepOp, number>>;
  /** The stack's state; after a dry run, what it would be as far as that can be known. */
  snapshot: Snapshot;
}
