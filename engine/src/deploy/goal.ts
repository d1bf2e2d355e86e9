import type { PropertyMap, PropertyValue, ResourceState } from "../model.ts";
import type { Alias } from "./alias.ts";
import { without } from "./without.ts";

export interface CustomTimeouts {
  /** Seconds. */
  create?: number;
  update?: number;
  delete?: number;
  read?: number;
}

export type HookKind =
  "onError" | "beforeCreate" | "afterCreate" | "beforeUpdate" | "afterUpdate" | "beforeDelete" | "afterDelete";

export type LifecycleHook = Exclude<HookKind, "onError">;

/** Names of hooks that the program registered. */
export type HookBinding = Partial<Record<HookKind, readonly string[]>>;

/** What the program wants a resource to be. */
export interface Goal {
  type: string;
  name: string;
  custom: boolean;
  /** "" for the stack and for default providers. */
  parent: string;
  inputs: PropertyMap;
  dependencies: readonly string[];
  propertyDependencies: Record<string, string[]>;
  /** `<urn>::<id>`; "" for what needs none. */
  provider: string;
  protect: boolean | undefined;
  retainOnDelete: boolean | undefined;
  /** Undefined leaves it to the provider. */
  deleteBeforeReplace: boolean | undefined;
  ignoreChanges: readonly string[];
  replaceOnChanges: readonly string[];
  hideDiff: readonly string[];
  replacementTrigger: PropertyValue | undefined;
  additionalSecretOutputs: readonly string[];
  aliases: readonly Alias[];
  /** "" unless the resource exists already and is to be taken over. */
  importId: string;
  customTimeouts: CustomTimeouts;
  deletedWith: string;
  replaceWith: readonly string[];
  sourcePosition: string;
  /** Positions in the program, from the innermost call. */
  stackTrace: readonly string[];
  hooks: HookBinding;
}

export function emptyGoal(type: string, name: string): Goal {
  return {
    type,
    name,
    custom: true,
    parent: "",
    inputs: {},
    dependencies: [],
    propertyDependencies: {},
    provider: "",
    protect: undefined,
    retainOnDelete: undefined,
    deleteBeforeReplace: undefined,
    ignoreChanges: [],
    replaceOnChanges: [],
    hideDiff: [],
    replacementTrigger: undefined,
    additionalSecretOutputs: [],
    aliases: [],
    importId: "",
    customTimeouts: {},
    deletedWith: "",
    replaceWith: [],
    sourcePosition: "",
    stackTrace: [],
    hooks: {},
  };
}

export interface RegisterResult {
  state: ResourceState;
  /** The resource was left out of this operation: its outputs cannot be known. */
  unknown: boolean;
}

/** A goal on its way: settled once, when its resource is what the program wants. */
export interface Registration {
  readonly goal: Goal;
  readonly settle: (result: RegisterResult) => void;
}

/** The state as it is to be; what is empty is left out, as in Pulumi's state files. */
export function stateOf(urn: string, goal: Goal, old: ResourceState | undefined): ResourceState {
  return {
    urn,
    custom: goal.custom,
    type: goal.type,
    inputs: goal.inputs,
    ...(goal.parent === "" ? {} : { parent: goal.parent }),
    ...(goal.protect === true ? { protect: true } : {}),
    ...ifAny("dependencies", goal.dependencies),
    ...(goal.provider === "" ? {} : { provider: goal.provider }),
    ...(Object.keys(goal.propertyDependencies).length === 0 ? {} : { propertyDependencies: goal.propertyDependencies }),
    ...ifAny("additionalSecretOutputs", goal.additionalSecretOutputs),
    ...(Object.values(goal.customTimeouts).some((seconds) => seconds > 0)
      ? { customTimeouts: goal.customTimeouts }
      : {}),
    ...(goal.importId === "" ? {} : { importID: goal.importId }),
    ...(goal.retainOnDelete === true ? { retainOnDelete: true } : {}),
    ...(goal.deletedWith === "" ? {} : { deletedWith: goal.deletedWith }),
    ...(old?.created === undefined ? {} : { created: old.created }),
    ...(old?.modified === undefined ? {} : { modified: old.modified }),
    ...(goal.sourcePosition === "" ? {} : { sourcePosition: goal.sourcePosition }),
    ...ifAny("ignoreChanges", goal.ignoreChanges),
    ...ifAny("replaceOnChanges", goal.replaceOnChanges),
    ...ifAny("hideDiff", goal.hideDiff),
    ...(goal.replacementTrigger === undefined || goal.replacementTrigger === null
      ? {}
      : { replacementTrigger: goal.replacementTrigger }),
    ...extraOf(goal, old),
  };
}

function ifAny<Key extends string>(key: Key, list: readonly string[]): Partial<Record<Key, string[]>> {
  return list.length === 0 ? {} : ({ [key]: [...list] } as Record<Key, string[]>);
}

/** Fields that Pulumi's state has and the engine's model has not. Those of other engines are handed on. */
function extraOf(goal: Goal, old: ResourceState | undefined): { extra?: Record<string, unknown> } {
  const others = without(old?.extra ?? {}, "replaceWith", "resourceHooks", "stackTrace");
  const hooks = Object.entries(goal.hooks).filter(([, names]) => names.length > 0);
  const extra: Record<string, unknown> = { ...others };
  if (goal.stackTrace.length > 0) extra["stackTrace"] = stackTraceOf(goal);
  if (goal.replaceWith.length > 0) extra["replaceWith"] = [...goal.replaceWith];
  if (hooks.length > 0)
    extra["resourceHooks"] = Object.fromEntries(hooks.map(([kind, names]) => [hookField(kind), [...names]]));
  return Object.keys(extra).length === 0 ? {} : { extra };
}

/** As the state has it. */
export function stackTraceOf({ stackTrace }: Pick<Goal, "stackTrace">): object[] {
  return stackTrace.map((position) => (position === "" ? {} : { sourcePosition: position }));
}

function hookField(kind: string): string {
  return kind.charAt(0).toUpperCase() + kind.slice(1);
}

/** URNs of resources with which this one is replaced. */
export function replaceWithOf(state: ResourceState): readonly string[] {
  const list = state.extra?.["replaceWith"];
  return Array.isArray(list) ? (list as string[]) : [];
}

export function hooksOf(state: ResourceState, kind: HookKind): readonly string[] {
  const hooks = (state.extra?.["resourceHooks"] ?? {}) as Record<string, readonly string[]>;
  return hooks[hookField(kind)] ?? [];
}

/** Whether the provider wants to read the resource before it is compared the next time. */
export function refreshBeforeUpdateOf(state: ResourceState): boolean {
  return state.extra?.["refreshBeforeUpdate"] === true;
}

export function setRefreshBeforeUpdate(state: ResourceState, wanted = false): void {
  const extra: Record<string, unknown> = without(state.extra ?? {}, "refreshBeforeUpdate");
  if (wanted) extra["refreshBeforeUpdate"] = true;
  if (Object.keys(extra).length > 0) state.extra = extra;
  else delete state.extra;
}
