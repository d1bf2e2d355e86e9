/** A registration's options, between the request that brings them and the goal that they end in. */
import { fileURLToPath } from "node:url";
import { relative, sep } from "node:path";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type {
  ReadResourceRequest,
  RegisterResourceRequest,
  TransformResourceOptions,
} from "@pulumi/pulumi/proto/resource_pb.js";
import aliasPb from "@pulumi/pulumi/proto/alias_pb.js";
import type { Alias as AliasMessage } from "@pulumi/pulumi/proto/alias_pb.js";
import type { Alias } from "../alias.ts";
import { parseDuration } from "../duration.ts";
import type { CustomTimeouts, Goal, HookBinding } from "../goal.ts";
import { fromWire } from "../property/wire.ts";

/** The request's options, with what the parent hands down where the request leaves it open. */
export function optionsOf(request: RegisterResourceRequest, parent: Goal | undefined): TransformResourceOptions {
  const options = new resourcePb.TransformResourceOptions();
  options.setImport(request.getImportid());
  options.setDependsOnList(request.getDependenciesList());
  const protect = request.hasProtect() ? request.getProtect() : parent?.protect;
  if (protect !== undefined) options.setProtect(protect);
  const retain = request.hasRetainondelete() ? request.getRetainondelete() : parent?.retainOnDelete;
  if (retain !== undefined) options.setRetainOnDelete(retain);
  options.setDeletedWith(request.getDeletedwith() || (parent?.deletedWith ?? ""));
  options.setReplaceWithList(request.getReplaceWithList());
  options.setIgnoreChangesList(request.getIgnorechangesList());
  options.setReplaceOnChangesList(request.getReplaceonchangesList());
  options.setReplacementTrigger(request.getReplacementTrigger());
  options.setVersion(request.getVersion());
  const urns = request.getAliasurnsList().map((urn) => {
    const alias = new aliasPb.Alias();
    alias.setUrn(urn);
    return alias;
  });
  options.setAliasesList([...urns, ...request.getAliasesList()]);
  options.setProvider(request.getProvider());
  request.getProvidersMap().forEach((reference, name) => options.getProvidersMap().set(name, reference));
  options.setHideDiffList(request.getHidediffsList());
  options.setCustomTimeouts(request.getCustomtimeouts());
  options.setPluginDownloadUrl(request.getPlugindownloadurl());
  if (request.getDeletebeforereplacedefined() || request.getDeletebeforereplace())
    options.setDeleteBeforeReplace(request.getDeletebeforereplace());
  options.setAdditionalSecretOutputsList(request.getAdditionalsecretoutputsList());
  options.setHooks(request.getHooks());
  return options;
}

type OptionsOfGoal = Pick<
  Goal,
  | "protect"
  | "retainOnDelete"
  | "deleteBeforeReplace"
  | "ignoreChanges"
  | "replaceOnChanges"
  | "hideDiff"
  | "replacementTrigger"
  | "additionalSecretOutputs"
  | "aliases"
  | "importId"
  | "customTimeouts"
  | "deletedWith"
  | "replaceWith"
  | "hooks"
>;

export function goalOptions(options: TransformResourceOptions): OptionsOfGoal {
  const trigger = options.getReplacementTrigger();
  return {
    protect: options.hasProtect() ? options.getProtect() : undefined,
    retainOnDelete: options.hasRetainOnDelete() ? options.getRetainOnDelete() : undefined,
    deleteBeforeReplace: options.hasDeleteBeforeReplace() ? options.getDeleteBeforeReplace() : undefined,
    ignoreChanges: options.getIgnoreChangesList(),
    replaceOnChanges: options.getReplaceOnChangesList(),
    hideDiff: options.getHideDiffList(),
    replacementTrigger: trigger === undefined ? undefined : fromWire(trigger.toJavaScript()),
    additionalSecretOutputs: options.getAdditionalSecretOutputsList(),
    aliases: options.getAliasesList().map(aliasOf),
    importId: options.getImport(),
    customTimeouts: timeoutsOf(options),
    deletedWith: options.getDeletedWith(),
    replaceWith: options.getReplaceWithList(),
    hooks: hooksOfOptions(options),
  };
}

function aliasOf(alias: AliasMessage): Alias {
  const spec = alias.getSpec();
  if (spec === undefined) return { urn: alias.getUrn() };
  return {
    name: spec.getName(),
    type: spec.getType(),
    stack: spec.getStack(),
    project: spec.getProject(),
    parent: spec.getParenturn(),
    noParent: spec.getNoparent(),
  };
}

function timeoutsOf(options: TransformResourceOptions): CustomTimeouts {
  const timeouts = options.getCustomTimeouts();
  const result: CustomTimeouts = {};
  const [create, update, remove] = [timeouts?.getCreate(), timeouts?.getUpdate(), timeouts?.getDelete()];
  if (create) result.create = parseDuration(create);
  if (update) result.update = parseDuration(update);
  if (remove) result.delete = parseDuration(remove);
  return result;
}

function hooksOfOptions(options: TransformResourceOptions): HookBinding {
  const hooks = options.getHooks();
  if (hooks === undefined) return {};
  return {
    beforeCreate: hooks.getBeforeCreateList(),
    afterCreate: hooks.getAfterCreateList(),
    beforeUpdate: hooks.getBeforeUpdateList(),
    afterUpdate: hooks.getAfterUpdateList(),
    beforeDelete: hooks.getBeforeDeleteList(),
    afterDelete: hooks.getAfterDeleteList(),
  };
}

/** Where in the program a resource is made, as the state records it: `project:///index.ts#12,3`. */
export function sourcePosition(request: RegisterResourceRequest | ReadResourceRequest, projectDir: string): string {
  const position = request.getSourceposition();
  if (!position?.getUri().startsWith("file:")) return "";
  try {
    // Of an ES module the SDK takes the URL for a path: file:///folder/file:/the/module.ts
    const uri = position.getUri().replace(/^file:.*\/file:\/+/, "file:///");
    const path = relative(projectDir, fileURLToPath(uri)).split(sep).join("/");
    const url = new URL(`file:///${path}`);
    const column = position.getColumn() === 0 ? "" : `,${position.getColumn()}`;
    return `project://${url.pathname}#${position.getLine()}${column}`;
  } catch {
    return "";
  }
}

const OPTIONS_WITHOUT_EFFECT: readonly [string, (goal: Goal) => boolean][] = [
  ["ignoreChanges", (goal) => goal.ignoreChanges.length > 0],
  ["customTimeouts", (goal) => Object.keys(goal.customTimeouts).length > 0],
  ["additionalSecretOutputs", (goal) => goal.additionalSecretOutputs.length > 0],
  ["replaceOnChanges", (goal) => goal.replaceOnChanges.length > 0],
];

/** Options that do nothing by themselves on a component. */
export function optionsWithoutEffect(goal: Goal): string[] {
  return goal.custom ? [] : OPTIONS_WITHOUT_EFFECT.filter(([, isSet]) => isSet(goal)).map(([name]) => name);
}
