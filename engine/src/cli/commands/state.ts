/** `pulumi state protect`, `unprotect`, `taint` and `untaint`: marks on resources. */
import type { Deployment } from "../../backend/deployment.ts";
import { omit } from "../../backend/records.ts";
import type { ResourceJson } from "../../backend/resource-json.ts";
import { EngineError, UsageError } from "../../backend/errors.ts";
import type { CommandContext } from "../context.ts";
import { editState, resourceNotFound, type EditOptions } from "./state-edit.ts";

interface Mark {
  readonly field: "protect" | "taint";
  readonly value: boolean;
  /** `protect`, `protected`: for messages. */
  readonly verb: string;
  readonly participle: string;
}

type MarkOptions = EditOptions & { readonly all?: boolean };

export function protect(context: CommandContext, urns: readonly string[], options: MarkOptions): Promise<void> {
  return mark(context, urns, options, { field: "protect", value: true, verb: "protect", participle: "protected" });
}

export function unprotect(context: CommandContext, urns: readonly string[], options: MarkOptions): Promise<void> {
  return mark(context, urns, options, { field: "protect", value: false, verb: "unprotect", participle: "unprotected" });
}

export function taint(context: CommandContext, urns: readonly string[], options: MarkOptions): Promise<void> {
  return mark(context, urns, options, { field: "taint", value: true, verb: "taint", participle: "tainted" });
}

export function untaint(context: CommandContext, urns: readonly string[], options: MarkOptions): Promise<void> {
  return mark(context, urns, options, { field: "taint", value: false, verb: "untaint", participle: "untainted" });
}

async function mark(context: CommandContext, urns: readonly string[], options: MarkOptions, what: Mark): Promise<void> {
  if (!options.all && urns.length === 0)
    throw new UsageError(`name the URN of a resource to ${what.verb}, or pass --all`);
  await editState(context, options, (deployment) => marked(deployment, options.all ? undefined : urns, what));
  const { participle } = what;
  context.terminal.out(options.all ? `All resources ${participle}\n` : `${urns.length} resources ${participle}\n`);
}

/**
 * @param urns Undefined for all.
 * @throws EngineError naming the URNs that the stack has not.
 */
function marked(deployment: Deployment, urns: readonly string[] | undefined, { field, value, verb }: Mark): Deployment {
  const resources = deployment.resources ?? [];
  const live = resources.filter((resource) => resource["delete"] !== true);
  if (live.length === 0) throw new EngineError("RESOURCE_NOT_FOUND", `no resources found to ${verb}`);
  const known = new Set(live.map((resource) => resource.urn));
  const missing = (urns ?? []).filter((urn) => !known.has(urn));
  if (missing.length > 0) throw resourceNotFound(missing, known);
  return {
    ...deployment,
    resources: resources.map((resource) => {
      if (resource["delete"] === true || (urns !== undefined && !urns.includes(resource.urn))) return resource;
      return (value ? { ...resource, [field]: true } : omit(resource, field)) as ResourceJson;
    }),
  };
}
