/** `pulumi state delete`: the state forgets resources; they stay where they are. */
import type { Deployment } from "../../backend/deployment.ts";
import { splitProvider } from "../../backend/deployment-urns.ts";
import { EngineError, UsageError } from "../../backend/errors.ts";
import type { ResourceJson } from "../../backend/resource-json.ts";
import type { CommandContext } from "../context.ts";
import { editState, resourceNotFound, type EditOptions } from "./state-edit.ts";

interface DeleteOptions extends EditOptions {
  readonly force?: boolean;
  readonly targetDependents?: boolean;
  readonly all?: boolean;
}

export async function remove(context: CommandContext, urns: readonly string[], options: DeleteOptions): Promise<void> {
  if (options.all && urns.length > 0)
    throw new UsageError("cannot specify a resource URN when deleting all resources", 1);
  if (!options.all && urns.length === 0) throw new UsageError("name the URN of a resource to delete, or pass --all", 1);
  let deleted = 0;
  await editState(context, options, (deployment) => {
    const resources = deployment.resources ?? [];
    const condemned = new Set(options.all ? resources : urns.map((urn) => find(resources, urn)));
    deleted = condemned.size;
    condemnDependents(resources, condemned, options);
    for (const resource of condemned) checkProtected(context, resource, options.force ?? false);
    return { ...deployment, resources: resources.filter((resource) => !condemned.has(resource)) } satisfies Deployment;
  });
  if (options.all) context.terminal.out("Resources deleted\n");
  else context.terminal.out(deleted === 1 ? "Resource deleted\n" : `${deleted} resources deleted\n`);
}

/** @throws EngineError unless the URN is that of one resource. */
function find(resources: readonly ResourceJson[], urn: string): ResourceJson {
  const [found, ...others] = resources.filter((resource) => resource.urn === urn);
  if (found === undefined)
    throw resourceNotFound(
      [urn],
      resources.map((resource) => resource.urn),
    );
  if (others.length === 0) return found;
  // one that waits for its deletion goes before the one that took its place
  return [found, ...others].find((resource) => resource["delete"] === true) ?? found;
}

/**
 * Adds what depends on the condemned, where that is wanted.
 * @throws EngineError naming it otherwise.
 */
function condemnDependents(
  resources: readonly ResourceJson[],
  condemned: Set<ResourceJson>,
  options: DeleteOptions,
): void {
  for (const [index, resource] of resources.entries()) {
    if (condemned.has(resource)) continue;
    const needed = new Set(neededBy(resource));
    const cause = [...condemned].find(
      (other) => needed.has(other.urn) && !hasTwin(resources.slice(0, index), other, condemned),
    );
    if (cause === undefined) continue;
    if (!options.targetDependents) throw hasDependents(cause, resources, condemned);
    condemned.add(resource); // dependants come later in the list: they are found in the same pass
  }
}

/** Whether another resource of the same URN stays, which can be meant just as well. */
function hasTwin(resources: readonly ResourceJson[], one: ResourceJson, condemned: ReadonlySet<ResourceJson>): boolean {
  return resources.some((other) => other.urn === one.urn && other !== one && !condemned.has(other));
}

function hasDependents(
  cause: ResourceJson,
  resources: readonly ResourceJson[],
  condemned: ReadonlySet<ResourceJson>,
): EngineError {
  const dependents = resources.filter((resource) => !condemned.has(resource) && neededBy(resource).includes(cause.urn));
  const list = dependents.map(({ urn }) => ` * "${urn.split("::").at(-1) ?? ""}" (${urn})\n`).join("");
  return new EngineError(
    "RESOURCE_HAS_DEPENDENTS",
    `${cause.urn} can't be safely deleted because the following resources depend on it:\n${list}\n` +
      "Delete those resources first or pass --target-dependents.",
  );
}

function checkProtected(context: CommandContext, resource: ResourceJson, force: boolean): void {
  if (resource["protect"] !== true) return;
  if (!force)
    throw new EngineError(
      "RESOURCE_PROTECTED",
      `${resource.urn} can't be safely deleted because it is protected. ` +
        "Re-run this command with --force to force deletion",
    );
  context.warn(`deleting protected resource ${resource.urn} due to presence of --force`);
}

/** Every URN that a resource cannot do without. */
function neededBy(resource: ResourceJson): string[] {
  const one = ["parent", "deletedWith"].map((field) => resource[field]);
  const provider = resource["provider"];
  const lists = [resource["dependencies"], resource["replaceWith"]].flatMap((list) => (list ?? []) as string[]);
  const byProperty = Object.values((resource["propertyDependencies"] ?? {}) as Record<string, string[] | null>);
  return [
    ...one.filter((urn) => typeof urn === "string"),
    ...(typeof provider === "string" && provider !== "" ? [splitProvider(provider).urn] : []),
    ...lists,
    ...byProperty.flatMap((urns) => urns ?? []),
  ];
}
