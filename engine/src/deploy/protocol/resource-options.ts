/** A registration's options, between the request that brings them and the goal that they end in. */
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { RegisterResourceRequest, TransformResourceOptions } from "@pulumi/pulumi/proto/resource_pb.js";
import aliasPb from "@pulumi/pulumi/proto/alias_pb.js";
import type { Alias as AliasMessage } from "@pulumi/pulumi/proto/alias_pb.js";
import type { Alias } from "../alias.ts";
import { parseDuration } from "../duration.ts";
import type { CustomTimeouts, Goal, HookBinding } from "../goal.ts";
import { fromWire } from "../property/wire.ts";

/**
 * The request's options, with what the parent hands down where the request leaves it open.
 * @param provider The reference of the provider that the resource is to use, "" for a default one.
 */
export function optionsOf(
  request: RegisterResourceRequest,
  parent: Goal | undefined,
  provider: string,
): TransformResourceOptions {
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
  // Older SDKs for Node.js say the opposite of what they mean where an alias has no parent.
  const aliases = request.getAliasspecs() ? request.getAliasesList() : request.getAliasesList().map(specified);
  const urns = request.getAliasurnsList().map((urn) => {
    const alias = new aliasPb.Alias();
    alias.setUrn(urn);
    return alias;
  });
  options.setAliasesList([...urns, ...aliases]);
  options.setProvider(provider);
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

function specified(alias: AliasMessage): AliasMessage {
  const spec = alias.getSpec();
  if (spec === undefined) return alias;
  const result = new aliasPb.Alias();
  const corrected = spec.clone();
  if (spec.getParenturn() === "") {
    if (spec.hasNoparent() && spec.getNoparent()) corrected.clearNoparent();
    else if (!spec.hasNoparent()) corrected.setNoparent(true);
  }
  result.setSpec(corrected);
  return result;
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
  if (timeouts === undefined) return result;
  if (timeouts.getCreate()) result.create = parseDuration(timeouts.getCreate());
  if (timeouts.getUpdate()) result.update = parseDuration(timeouts.getUpdate());
  if (timeouts.getDelete()) result.delete = parseDuration(timeouts.getDelete());
  if (timeouts.getRead()) result.read = parseDuration(timeouts.getRead());
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
    onError: hooks.getOnErrorList(),
  };
}
