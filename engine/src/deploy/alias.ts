/** Which URNs a resource may have had before. */
import { createUrn, isRootStack, parseUrn, urnName, urnType } from "./urn.ts";

/** An alias as the program gives it: a whole URN, or the parts that differ from today's. */
export type Alias =
  { urn: string } | { name: string; type: string; stack: string; project: string; parent: string; noParent: boolean };

interface AliasScope {
  stack: string;
  project: string;
  /** What a resource of this deployment was called before, when it was found by an alias. */
  formerUrn: (urn: string) => string | undefined;
}

/** All URNs that the resource may be found under, in the order of preference; today's not among them. */
export function aliasUrns(
  scope: AliasScope,
  resource: { name: string; type: string; parent: string },
  aliases: readonly Alias[],
): string[] {
  const own = aliases.map((alias) => collapse(scope, resource, alias));
  const result = new Set(own);
  const formerParent = resource.parent === "" ? undefined : scope.formerUrn(resource.parent);
  if (formerParent !== undefined) {
    const parentName = urnName(resource.parent);
    result.add(inherit(scope, resource.type, resource.name, parentName, formerParent));
    for (const urn of own) result.add(inherit(scope, urnType(urn), urnName(urn), parentName, formerParent));
  }
  return [...result];
}

function collapse(scope: AliasScope, resource: { name: string; type: string; parent: string }, alias: Alias): string {
  if ("urn" in alias) return alias.urn;
  let parent = alias.parent === "" ? resource.parent : (scope.formerUrn(alias.parent) ?? alias.parent);
  if (alias.noParent || isRootStack(parent)) parent = "";
  return createUrn(
    alias.stack || scope.stack,
    alias.project || scope.project,
    parent,
    alias.type || resource.type,
    alias.name || resource.name,
  );
}

/** A child that carries its parent's name in its own was renamed with it. */
function inherit(scope: AliasScope, type: string, name: string, parentName: string, formerParent: string): string {
  const former = name.startsWith(parentName) ? parseUrn(formerParent).name + name.slice(parentName.length) : name;
  return createUrn(scope.stack, scope.project, formerParent, type, former);
}
