import { type Deployment, Refusal, type Volume, type World } from "./world.ts";

interface Paging {
  readonly after?: string;
  readonly first?: number;
}

/** So few on a page that readers have to turn it. */
const MAX_PAGE = 3;

function connection<T extends { readonly id: string }>(all: readonly T[], { after, first = MAX_PAGE }: Paging) {
  const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const nodes = all.slice(start, start + Math.min(first, MAX_PAGE));
  return {
    edges: nodes.map((node) => ({ node })),
    pageInfo: { endCursor: nodes.at(-1)?.id ?? null, hasNextPage: start + nodes.length < all.length },
  };
}

interface Key {
  readonly environmentId: string;
  readonly serviceId: string;
}

/** The schema's root: how each query and change of the part of the API that we use is answered by a world. */
export function resolversOf(world: World): Record<string, unknown> {
  const volumeInstance = (volume: Volume) => {
    const state = volume.updatingFor > 0 ? "UPDATING" : "READY";
    volume.updatingFor = Math.max(0, volume.updatingFor - 1);
    return { ...volume, state, deletedAt: null, volume };
  };
  const ownVolumes = (projectId: string) =>
    world.volumes.filter((volume) => volume.projectId === projectId && !volume.isPendingDeletion);
  const environmentOf = (projectId: string) => {
    const project = world.project(projectId);
    return {
      ...project.environment,
      // the first page's request is the look; a page that is turned is part of it
      volumeInstances: (paging: Paging) => connection(world.listed(ownVolumes(projectId)).map(volumeInstance), paging),
    };
  };
  const projectOf = (id: string) => ({
    ...world.project(id),
    environments: (paging: Paging) => connection([environmentOf(id)], paging),
    services: (paging: Paging) => connection(world.listed(world.servicesOf(id)), paging),
    volumes: (paging: Paging) => connection(world.listed(ownVolumes(id)), paging),
  });
  const deploymentOf = (id: string): Deployment => {
    const found = world.listed(world.deployments.filter((each) => each.id === id))[0];
    if (found === undefined) throw new Refusal("Deployment not found");
    return found;
  };
  const logsOf = (which: "buildLogs" | "deploymentLogs") => (args: { deploymentId: string; limit: number }) =>
    deploymentOf(args.deploymentId)
      [which].slice(-args.limit)
      .map((message) => ({ message }));

  return {
    workspace: ({ workspaceId }: { workspaceId: string }) => {
      if (workspaceId !== world.workspaceId) throw new Refusal("Workspace not found");
      return { id: workspaceId };
    },
    projects: ({ workspaceId, ...paging }: Paging & { workspaceId: string }) =>
      connection(
        world.listed(world.projects.filter((each) => each.workspaceId === workspaceId && each.deletedAt === null)),
        paging,
      ),
    project: ({ id }: { id: string }) => projectOf(id),
    environment: ({ id }: { id: string }) => environmentOf(world.environment(id).id),
    serviceInstance: ({ serviceId }: Key) => world.service(serviceId).instance,
    serviceInstanceLimitOverride: ({ serviceId }: Key) => {
      const { limits } = world.service(serviceId);
      return limits === null ? null : { containers: limits };
    },
    variables: ({ serviceId }: Key) => ({
      ...world.service(serviceId).variables,
      RAILWAY_SERVICE_ID: serviceId, // what Railway provides is told with what was set
    }),
    domains: ({ serviceId }: Key) => {
      world.service(serviceId);
      return { serviceDomains: world.listed(world.domains.filter((each) => each.serviceId === serviceId)) };
    },
    deployments: ({ input, first }: { input: Key; first: number }) => {
      world.service(input.serviceId);
      const own = world.deployments.filter((each) => each.serviceId === input.serviceId).reverse();
      return connection(world.listed(own), { first });
    },
    deployment: ({ id }: { id: string }) => world.advance(deploymentOf(id)),
    buildLogs: logsOf("buildLogs"),
    deploymentLogs: logsOf("deploymentLogs"),

    projectCreate: ({ input }: { input: Parameters<World["createProject"]>[0] }) => world.createProject(input),
    projectUpdate: ({ id, input }: { id: string; input: { name: string; description: string } }) =>
      Object.assign(world.project(id), input),
    projectDelete: ({ id }: { id: string }) => world.deleteProject(id),
    serviceCreate: ({ input }: { input: { projectId: string; name: string } }) => world.createService(input),
    serviceUpdate: ({ id, input }: { id: string; input: { name: string } }) => Object.assign(world.service(id), input),
    serviceDelete: ({ id }: { id: string }) => {
      world.service(id).deletedAt = new Date().toISOString();
      for (const volume of world.volumes.filter((each) => each.serviceId === id)) volume.serviceId = null;
      return true;
    },
    serviceInstanceUpdate: ({ serviceId, input }: Key & { input: Record<string, unknown> }) =>
      world.updateInstance(serviceId, input),
    serviceInstanceLimitsUpdate: ({ input }: { input: Key & { vCPUs: number | null; memoryGB: number | null } }) => {
      const { serviceId, vCPUs, memoryGB } = input;
      const memoryBytes = memoryGB === null ? null : memoryGB * 1_000_000_000;
      world.service(serviceId).limits = vCPUs === null && memoryBytes === null ? null : { cpu: vCPUs, memoryBytes };
      return true;
    },
    serviceInstanceDeployV2: ({ serviceId }: Key) => world.deploy(serviceId).id,
    variableCollectionUpsert: ({
      input,
    }: {
      input: { serviceId: string; variables: Record<string, string>; replace: boolean; skipDeploys: boolean };
    }) => {
      const service = world.service(input.serviceId);
      service.variables = { ...(input.replace ? {} : service.variables), ...input.variables };
      if (!input.skipDeploys) world.deploy(input.serviceId);
      return true;
    },
    serviceDomainCreate: ({ input }: { input: { serviceId: string; targetPort: number | null } }) =>
      world.createDomain(input),
    serviceDomainUpdate: ({ input }: { input: { serviceDomainId: string; domain: string; targetPort: number } }) => {
      const found = world.domains.find(({ id }) => id === input.serviceDomainId);
      if (found === undefined) throw new Refusal("Domain not found");
      Object.assign(found, { domain: input.domain, targetPort: input.targetPort });
      return true;
    },
    serviceDomainDelete: ({ id }: { id: string }) => {
      const index = world.domains.findIndex((each) => each.id === id);
      if (index === -1) throw new Refusal("Domain not found");
      world.domains.splice(index, 1);
      return true;
    },
    volumeCreate: ({ input }: { input: Parameters<World["createVolume"]>[0] }) => world.createVolume(input),
    volumeDelete: ({ volumeId }: { volumeId: string }) => {
      world.volume(volumeId).isPendingDeletion = true;
      return true;
    },
    volumeInstanceUpdate: ({ volumeId, input }: { volumeId: string; input: Partial<Volume> }) => {
      Object.assign(world.volume(volumeId), input);
      return true;
    },
    environmentPatchCommit: ({ patch }: { patch: Parameters<World["commitPatch"]>[0] }) => world.commitPatch(patch),
  };
}
