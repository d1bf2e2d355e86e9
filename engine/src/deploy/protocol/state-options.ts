/** A resource's options as hooks are told of them. */
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import aliasPb from "@pulumi/pulumi/proto/alias_pb.js";
import type { ResourceOptions } from "@pulumi/pulumi/proto/resource_pb.js";
import type { ResourceState } from "../../model.ts";
import { formatDuration } from "../duration.ts";
import { hooksOf, replaceWithOf } from "../goal.ts";

export function optionsOfState(state: ResourceState): ResourceOptions {
  const options = new resourcePb.ResourceOptions();
  options.setDependsOnList(state.dependencies ?? []);
  options.setIgnoreChangesList(state.ignoreChanges ?? []);
  options.setReplaceOnChangesList(state.replaceOnChanges ?? []);
  options.setProvider(state.provider ?? "");
  options.setDeletedWith(state.deletedWith ?? "");
  options.setImport(state.importID ?? "");
  options.setHideDiffList(state.hideDiff ?? []);
  options.setReplaceWithList([...replaceWithOf(state)]);
  options.setParent(state.parent ?? "");
  options.setAliasesList(
    (state.aliases ?? []).map((urn) => {
      const alias = new aliasPb.Alias();
      alias.setUrn(urn);
      return alias;
    }),
  );
  options.setAdditionalSecretOutputsList(state.additionalSecretOutputs ?? []);
  options.setProtect(state.protect ?? false);
  options.setRetainOnDelete(state.retainOnDelete ?? false);
  setTimeouts(options, state);
  setHooks(options, state);
  return options;
}

function setTimeouts(options: ResourceOptions, { customTimeouts }: ResourceState): void {
  if (customTimeouts === undefined) return;
  const timeouts = new resourcePb.RegisterResourceRequest.CustomTimeouts();
  timeouts.setCreate(formatDuration(customTimeouts.create ?? 0));
  timeouts.setUpdate(formatDuration(customTimeouts.update ?? 0));
  timeouts.setDelete(formatDuration(customTimeouts.delete ?? 0));
  timeouts.setRead(formatDuration(customTimeouts.read ?? 0));
  options.setCustomTimeouts(timeouts);
}

function setHooks(options: ResourceOptions, state: ResourceState): void {
  const hooks = new resourcePb.RegisterResourceRequest.ResourceHooksBinding();
  hooks.setBeforeCreateList([...hooksOf(state, "beforeCreate")]);
  hooks.setAfterCreateList([...hooksOf(state, "afterCreate")]);
  hooks.setBeforeUpdateList([...hooksOf(state, "beforeUpdate")]);
  hooks.setAfterUpdateList([...hooksOf(state, "afterUpdate")]);
  hooks.setBeforeDeleteList([...hooksOf(state, "beforeDelete")]);
  hooks.setAfterDeleteList([...hooksOf(state, "afterDelete")]);
  hooks.setOnErrorList([...hooksOf(state, "onError")]);
  if (Object.values(hooks.toObject()).some((names) => names.length > 0)) options.setHooks(hooks);
}
