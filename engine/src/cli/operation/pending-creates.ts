/** Creations that were cut short: only who looks at the provider can say whether the resource was made. */
import { checkDeployment, type Deployment } from "../../backend/deployment.ts";
import { UsageError } from "../../backend/errors.ts";
import type { JsonMap } from "../../backend/property-json.ts";
import type { ResourceJson } from "../../backend/resource-json.ts";
import type { CommandContext } from "../context.ts";
import type { OperationOptions } from "./options.ts";

/** The resource was made and has this id, it was not made, or that is left open. */
type Answer = { readonly id: string } | "clear" | "skip";

/**
 * The deployment with what is known of each pending creation: what was made is among the resources, so that the
 * refresh that follows reads it; what was not made is forgotten.
 * @returns The same object when there is nothing to settle.
 */
export async function settlePendingCreates(
  context: CommandContext,
  deployment: Deployment,
  options: Pick<OperationOptions, "skipPendingCreates" | "clearPendingCreates" | "importPendingCreates">,
  where: string,
): Promise<Deployment> {
  const { skipPendingCreates = false, clearPendingCreates = false, importPendingCreates = [] } = options;
  if (skipPendingCreates && clearPendingCreates)
    throw new UsageError("cannot set both --skip-pending-creates and --clear-pending-creates", 1);
  const ids = pairs(importPendingCreates);
  const resources = [...(deployment.resources ?? [])];
  const left: JsonMap[] = [];
  for (const operation of deployment.pending_operations ?? []) {
    const resource = operation["resource"] as ResourceJson;
    const id = ids.get(resource.urn);
    ids.delete(resource.urn);
    const answer =
      operation["type"] !== "creating"
        ? "skip"
        : id !== undefined
          ? { id }
          : clearPendingCreates
            ? "clear"
            : await ask(context, resource.urn, skipPendingCreates);
    if (answer === "skip") left.push(operation);
    else if (answer !== "clear") resources.push({ ...resource, id: answer.id });
  }
  for (const urn of ids.keys()) context.warn(`"${urn}" did not correspond to a pending create`);
  if (left.length === (deployment.pending_operations ?? []).length) return deployment;
  const settled: Deployment = { ...deployment, resources, pending_operations: left };
  checkDeployment(settled, `${where} with the pending creates settled`);
  return settled;
}

async function ask({ terminal }: CommandContext, urn: string, skip: boolean): Promise<Answer> {
  if (skip || !terminal.interactive) return "skip";
  terminal.out(
    `Options for pending CREATE of ${urn}:\n` +
      "  clear   the CREATE failed; remove the pending CREATE\n" +
      "  skip    do nothing\n" +
      "  import  the CREATE succeeded; provide a resource ID and complete the CREATE operation\n",
  );
  for (;;) {
    const answer = (await terminal.ask("[clear/skip/import, default skip] "))?.trim().toLowerCase() ?? "";
    if (answer === "" || answer === "skip") return "skip";
    if (answer === "clear") return "clear";
    if (answer === "import") {
      const id = (await terminal.ask("ID: "))?.trim();
      if (id) return { id };
    } else terminal.err(`'${answer}' is none of clear, skip and import\n`);
  }
}

/** @throws UsageError when a URN has no id. */
function pairs(list: readonly string[]): Map<string, string> {
  if (list.length % 2 !== 0)
    throw new UsageError("each URN must be followed by an ID: found an odd number of entries", 1);
  const ids = new Map<string, string>();
  for (let index = 0; index < list.length; index += 2) ids.set(list[index] ?? "", list[index + 1] ?? "");
  return ids;
}
