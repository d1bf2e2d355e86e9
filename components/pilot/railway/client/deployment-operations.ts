import { z } from "zod";
import { operation, page } from "./operation.ts";
import type { InstanceKey } from "./service-operations.ts";

const Deployment = z.object({ id: z.string(), status: z.string(), deploymentStopped: z.boolean() });
export type Deployment = z.infer<typeof Deployment>;

/** The newest one first. */
export const latestDeployments = operation<{ readonly input: InstanceKey }>()(
  "none",
  `query AutomatosDeployments($input: DeploymentListInput!) {
    deployments(input: $input, first: 1) {
      edges { node { id status deploymentStopped } }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  z.object({ deployments: page(Deployment) }),
);

export const readDeployment = operation<{ readonly id: string }>()(
  "none",
  `query AutomatosDeployment($id: String!) { deployment(id: $id) { id status deploymentStopped } }`,
  z.object({ deployment: Deployment }),
);

export const deploy = operation<InstanceKey>()(
  "once",
  `mutation AutomatosDeploy($environmentId: String!, $serviceId: String!) {
    serviceInstanceDeployV2(environmentId: $environmentId, serviceId: $serviceId)
  }`,
  z.object({ serviceInstanceDeployV2: z.string() }),
);

const Line = z.object({ message: z.string() });

/** The last lines of what was said while it was built, and while it ran. */
export const readLogs = operation<{ readonly id: string; readonly limit: number }>()(
  "none",
  `query AutomatosLogs($id: String!, $limit: Int!) {
    buildLogs(deploymentId: $id, limit: $limit) { message }
    deploymentLogs(deploymentId: $id, limit: $limit) { message }
  }`,
  z.object({ buildLogs: z.array(Line), deploymentLogs: z.array(Line) }),
);
