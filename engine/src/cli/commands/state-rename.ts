/** `pulumi state rename`: a resource gets another name, and all that names it follows. */
import type { Deployment } from "../../backend/deployment.ts";
import { mapDeployment, mapUrns } from "../../backend/deployment-urns.ts";
import { EngineError, UsageError } from "../../backend/errors.ts";
import type { CommandContext } from "../context.ts";
import { editState, resourceNotFound, type EditOptions } from "./state-edit.ts";

export async function rename(
  context: CommandContext,
  urn: string,
  newName: string,
  options: EditOptions,
): Promise<void> {
  if (!/^urn:pulumi:.*::.*::.*::/.test(urn)) throw new UsageError("The provided input URN is not valid", 1);
  if (newName === "") throw new UsageError("the new name is empty", 1);
  await editState(context, options, (deployment) => renamed(deployment, urn, newName));
  context.terminal.out("Resource renamed\n");
}

function renamed(deployment: Deployment, urn: string, newName: string): Deployment {
  const urns = (deployment.resources ?? []).map((resource) => resource.urn);
  const count = urns.filter((other) => other === urn).length;
  if (count === 0) throw resourceNotFound([urn], urns);
  if (count > 1) throw new EngineError("RESOURCE_AMBIGUOUS", "The input URN ambiguously refers to multiple resources");
  const newUrn = `${urn.split("::", 3).join("::")}::${newName}`;
  if (newUrn === urn) return deployment;
  if (urns.includes(newUrn))
    throw new EngineError(
      "RESOURCE_EXISTS",
      "The chosen new urn for the state corresponds to an already existing resource",
    );
  // a child's URN holds its parent's type alone: the parent's name is in none but its own
  return mapDeployment(deployment, (resource) => mapUrns(resource, (one) => (one === urn ? newUrn : one)));
}
