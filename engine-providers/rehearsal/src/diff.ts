/** What differs between old and new inputs, and whether the cloud can change it in place. */
import { isList, isMap, Secret } from "@automatos/provider-plugin";
import type { Diff, DiffKind, PropertyDiff, PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { DEFAULTS, wasNamedByProvider } from "./auto-name.ts";
import type { AutoName, ResourceModel } from "./model.ts";
import { canonical, own, valuesAt } from "./values.ts";

export interface DiffQuery {
  readonly model: ResourceModel;
  readonly autoName: AutoName | undefined;
  readonly oldInputs: PropertyMap;
  readonly oldOutputs: PropertyMap;
  readonly inputs: PropertyMap;
  /** Labels and tags as the provider would now set them: a change of its defaults is one of the resource. */
  readonly labels: PropertyMap;
}

interface Change {
  readonly path: readonly (string | number)[];
  readonly kind: "add" | "delete" | "update";
  /** What came or went. */
  readonly value: PropertyValue;
}

export function diffOf(query: DiffQuery): Diff {
  const { model, autoName, oldInputs, inputs } = query;
  const changes = [...changesOf(oldInputs, inputs), ...labelChanges(query)];
  if (changes.length === 0) return { changes: false };
  const detailedDiff: Record<string, PropertyDiff> = {};
  const replaces = new Set<string>();
  for (const change of changes) {
    const { path, kind } = change;
    const replaced = model.replaces.some((rule) => concerns(rule, change));
    if (replaced) replaces.add(String(path[0]));
    const full: DiffKind = replaced ? `${kind}-replace` : kind;
    detailedDiff[textOf(path)] = { kind: full, inputDiff: true };
  }
  return {
    changes: true,
    diffs: [...new Set(changes.map(({ path }) => String(path[0])))],
    replaces: [...replaces],
    detailedDiff,
    deleteBeforeReplace: replaces.size > 0 && keepsItsName(autoName, oldInputs, inputs),
  };
}

/** A name that the program gave and keeps is taken until the old resource is gone. */
function keepsItsName(autoName: AutoName | undefined, oldInputs: PropertyMap, inputs: PropertyMap): boolean {
  if (autoName === undefined || wasNamedByProvider(autoName, inputs)) return false;
  const name = inputs[autoName.property];
  return name !== undefined && canonical(name) === canonical(oldInputs[autoName.property]);
}

function changesOf(oldInputs: PropertyMap, inputs: PropertyMap): Change[] {
  const keys = new Set([...Object.keys(oldInputs), ...Object.keys(inputs)]);
  keys.delete(DEFAULTS);
  return [...keys].sort().flatMap((key) => changesAt([key], own(oldInputs, key), own(inputs, key)));
}

function labelChanges({ oldInputs, oldOutputs, inputs, labels }: DiffQuery): Change[] {
  // What the program itself changed is reported where the program says it.
  if (["labels", "resourceLabels", "tags"].some((key) => canonical(oldInputs[key]) !== canonical(inputs[key])))
    return [];
  return Object.keys(labels)
    .filter((key) => oldOutputs[key] !== undefined)
    .flatMap((key) => changesAt([key], oldOutputs[key], labels[key]));
}

function changesAt(
  path: readonly (string | number)[],
  before: PropertyValue | undefined,
  after: PropertyValue | undefined,
): Change[] {
  const old = opened(before);
  const now = opened(after);
  if (canonical(old) === canonical(now)) return [];
  if (old === undefined) return now === undefined ? [] : [{ path, kind: "add", value: now }];
  if (now === undefined) return [{ path, kind: "delete", value: old }];
  if (isMap(old) && isMap(now)) {
    const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])].sort();
    return keys.flatMap((key) => changesAt([...path, key], own(old, key), own(now, key)));
  }
  if (isList(old) && isList(now)) {
    const indices = Array.from({ length: Math.max(old.length, now.length) }, (_, index) => index);
    return indices.flatMap((index) => changesAt([...path, index], old[index], now[index]));
  }
  return [{ path, kind: "update", value: now }];
}

/** Null is as good as absent; whether a value is secret is no difference to the cloud. */
function opened(value: PropertyValue | undefined): PropertyValue | undefined {
  if (value instanceof Secret) return opened(value.element);
  return value === null ? undefined : value;
}

/** Whether the rule's path is the changed one, above it, or in what came or went. */
function concerns(rule: string, { path, value }: Change): boolean {
  const changed = path.filter((part) => typeof part === "string");
  const parts = rule.split(".");
  if (!changed.slice(0, parts.length).every((part, index) => part === parts[index])) return false;
  return changed.length >= parts.length || valuesAt(value, parts.slice(changed.length).join(".")).length > 0;
}

function textOf(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      if (!/^[A-Za-z_]\w*$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join("");
}
