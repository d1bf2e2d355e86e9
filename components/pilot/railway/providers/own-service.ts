import { RailwayError } from "../client/errors.ts";
import { latestDeployments } from "../client/deployment-operations.ts";
import type { RailwayClient } from "../client/railway-client.ts";
import { readInstance, readVariables } from "../client/service-operations.ts";
import { OWNER_VARIABLE } from "../references.ts";

interface Wanted {
  readonly projectId: string;
  readonly environmentId: string;
  readonly name: string;
  readonly image: string;
  readonly owner?: string;
}

/**
 * Whether a service of the wanted name may be taken over: taking it over replaces its image and all its variables. It is
 * where its variables name this stack, and where it is no more than an `up` leaves that was killed between making it
 * and keeping it in the state: never deployed, without variables, without another image.
 *
 * @throws RailwayError (RAILWAY_NAME_TAKEN) otherwise.
 */
export async function refuseForeignService(client: RailwayClient, serviceId: string, wanted: Wanted): Promise<void> {
  const { projectId, environmentId, name, image, owner } = wanted;
  const key = { environmentId, serviceId };
  const { variables } = await client.call(readVariables, { projectId, ...key });
  if (owner !== undefined && variables[OWNER_VARIABLE] === owner) return;
  const has: string[] = [];
  // Railway tells what it provides itself beside what was set
  if (Object.keys(variables).some((variable) => !variable.startsWith("RAILWAY_"))) has.push("variables");
  const { source } = (await client.call(readInstance, key)).serviceInstance;
  if (source?.repo != null) has.push("a repository");
  if (source?.image != null && source.image !== image) has.push("another image");
  const { deployments } = await client.call(latestDeployments, { input: key });
  if (deployments.nodes.length > 0) has.push("deployments");
  if (has.length === 0) return;
  throw new RailwayError(
    "RAILWAY_NAME_TAKEN",
    `the project has a service ${name} (${serviceId}) already, with ${has.join(" and ")} that this stack did not make`,
    "Rename or delete that service in Railway's dashboard and run the same command again; or, where its image and all its variables may be replaced, take it over with importId.",
  );
}
