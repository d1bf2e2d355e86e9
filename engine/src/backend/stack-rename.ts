/** A deployment under another stack's, or project's, name. */
import { mapDeployment, mapUrns } from "./deployment-urns.ts";
import type { Deployment } from "./deployment.ts";
import type { StackReference } from "./stack-reference.ts";

const rootStackType = "pulumi:pulumi:Stack";

/** Every URN of the old name, wherever the state holds one, becomes one of the new name. */
export function renamedStack(deployment: Deployment, from: StackReference, to: StackReference): Deployment {
  const prefix = `urn:pulumi:${from.name}::${from.project}::`;
  return mapDeployment(deployment, (resource) =>
    mapUrns(resource, (urn) => {
      if (!urn.startsWith(prefix)) return urn;
      const rest = urn.slice(prefix.length);
      // the stack's own resource is named after both
      const name = rest.startsWith(`${rootStackType}::`) ? `${rootStackType}::${to.project}-${to.name}` : rest;
      return `urn:pulumi:${to.name}::${to.project}::${name}`;
    }),
  );
}
