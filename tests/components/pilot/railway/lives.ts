import { RailwayClient } from "../../../../components/pilot/railway/client/railway-client.ts";
import {
  type DeploymentInputs,
  deploymentProvider,
} from "../../../../components/pilot/railway/providers/deployment-provider.ts";
import { type DomainInputs, domainProvider } from "../../../../components/pilot/railway/providers/domain-provider.ts";
import {
  type ProjectInputs,
  projectProvider,
} from "../../../../components/pilot/railway/providers/project-provider.ts";
import {
  type ServiceInputs,
  serviceProvider,
} from "../../../../components/pilot/railway/providers/service-provider.ts";
import { variablesProvider } from "../../../../components/pilot/railway/providers/variables-provider.ts";
import { type VolumeInputs, volumeProvider } from "../../../../components/pilot/railway/providers/volume-provider.ts";
import { type RailwayServer, TOKEN } from "./server.ts";
import { testClock } from "./test-clock.ts";

/** All providers on one client of a server, whose waits take no time. */
export function providersOn(server: RailwayServer, token = TOKEN) {
  const client = new RailwayClient({ url: server.url, token, clock: testClock(), random: () => 0.5 });
  const open = () => client;
  return {
    client,
    project: projectProvider(open),
    service: serviceProvider(open),
    volume: volumeProvider(open),
    variables: variablesProvider(open),
    domain: domainProvider(open),
    deployment: deploymentProvider(open),
  };
}
export type Providers = ReturnType<typeof providersOn>;

export const PROJECT: ProjectInputs = {
  name: "automatos",
  description: "Made by Pulumi: stack automatos/test",
  workspaceId: "workspace-1",
  environmentName: "production",
};

export const serviceIn = (
  place: { projectId: string; environmentId: string },
  more: Partial<ServiceInputs> = {},
): ServiceInputs => ({
  workspaceId: PROJECT.workspaceId,
  projectId: place.projectId,
  environmentId: place.environmentId,
  name: "worker",
  image: "registry.example/worker@sha256:0001",
  restartPolicy: { type: "ON_FAILURE", maxRetries: 10 },
  replicas: 1,
  volume: false,
  ...more,
});

export interface Place {
  readonly workspaceId: string;
  readonly projectId: string;
  readonly environmentId: string;
  readonly serviceId: string;
}

/** A project with a service. */
export async function makePlace({ project, service }: Providers, more: Partial<ServiceInputs> = {}): Promise<Place> {
  const made = await project.create(PROJECT);
  const place = { workspaceId: PROJECT.workspaceId, projectId: made.id, environmentId: made.outs?.environmentId ?? "" };
  const { id } = await service.create(serviceIn(place, more));
  return { ...place, serviceId: id };
}

export const volumeIn = (place: Place, more: Partial<VolumeInputs> = {}): VolumeInputs => ({
  ...place,
  mountPath: "/workspaces",
  sizeGb: 100,
  deletionAllowed: false,
  ...more,
});

export const domainIn = (place: Place, more: Partial<DomainInputs> = {}): DomainInputs => ({
  ...place,
  targetPort: 8080,
  ...more,
});

export const deploymentIn = (place: Place, more: Partial<DeploymentInputs> = {}): DeploymentInputs => ({
  ...place,
  serviceName: "worker",
  triggers: { settings: "1" },
  waitFor: "running",
  timeoutSeconds: 600,
  ...more,
});
