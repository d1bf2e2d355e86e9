import * as pulumi from "@pulumi/pulumi";
import { RailwayDeployment } from "./railway-deployment.ts";
import type { RailwayProject } from "./railway-project.ts";
import type { RailwayService } from "./railway-service.ts";
import { RailwayVariables } from "./railway-variables.ts";
import { RailwayVolume, type RailwayVolumeArgs } from "./railway-volume.ts";

export interface DeployedServiceArgs {
  readonly project: RailwayProject;
  readonly service: RailwayService;
  /** All services of the project: one that is referred to must be there before what refers to it is deployed. */
  readonly services: readonly RailwayService[];
  /** For messages. */
  readonly serviceName: string;
  /** Those that are undefined are left out. */
  readonly variables: Readonly<Record<string, pulumi.Input<string> | undefined>>;
  /** @default none */
  readonly volume?: Pick<RailwayVolumeArgs, "mountPath" | "sizeGb" | "region" | "deletionAllowed">;
  /** @default `running` */
  readonly waitFor?: "running" | "completed";
  /**
   * What must run before it is deployed.
   * @default nothing
   */
  readonly after?: readonly DeployedService[];
}

/** A service's variables and volume, and what runs of it: deployed once they are there, and when one of them changed. */
export class DeployedService extends pulumi.ComponentResource {
  readonly deployment: RailwayDeployment;

  constructor(name: string, args: DeployedServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    const { project, service, services, serviceName, variables, volume, waitFor, after = [] } = args;
    super("automatos:pilot:RailwayDeployedService", name, { serviceName }, opts);
    const child = { parent: this };
    const { workspaceId, environmentId } = project;
    const place = { workspaceId, projectId: project.id, environmentId, serviceId: service.id };

    const set = Object.entries(variables).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, value] as const],
    );
    const written = new RailwayVariables(name, { ...place, variables: Object.fromEntries(set) }, child);
    const mounted = volume === undefined ? undefined : new RailwayVolume(name, { ...place, ...volume }, child);
    this.deployment = new RailwayDeployment(
      name,
      {
        ...place,
        serviceName,
        triggers: {
          settings: service.revision,
          variables: written.revision,
          ...(mounted === undefined ? {} : { volume: mounted.revision }),
        },
        ...(waitFor === undefined ? {} : { waitFor }),
      },
      { ...child, dependsOn: [...services, ...after.map(({ deployment }) => deployment)] },
    );
    this.registerOutputs({ deploymentId: this.deployment.deploymentId });
  }
}
