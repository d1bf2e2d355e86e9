import * as pulumi from "@pulumi/pulumi";
import { railwayShell } from "./railway-resource.ts";

export interface RailwayDeploymentArgs {
  /** The Railway workspace of the project: a token that does not see it cannot tell whether this is gone. */
  readonly workspaceId: pulumi.Input<string>;
  readonly projectId: pulumi.Input<string>;
  /** Another one replaces it. */
  readonly environmentId: pulumi.Input<string>;
  /** The service that is deployed. Another one replaces it. */
  readonly serviceId: pulumi.Input<string>;
  /** For messages. */
  readonly serviceName: pulumi.Input<string>;
  /** Revisions of what the service runs with (settings, variables, volume): another one deploys it anew. */
  readonly triggers: Readonly<Record<string, pulumi.Input<string>>>;
  /**
   * `completed`: until it has done its work and ended well, as migrations do.
   * @default `running`
   */
  readonly waitFor?: "running" | "completed";
  /**
   * Seconds after which a deployment that has not come up is an error.
   * @default 900
   */
  readonly timeoutSeconds?: number;
}

/**
 * What runs of a service. It is deployed when a trigger changed or a refresh found it crashed, and awaited: a failure
 * is told with the last lines of its logs. A service with a volume is down while it is deployed.
 */
export class RailwayDeployment extends pulumi.dynamic.Resource {
  // `declare`: a field would overwrite the outputs that the SDK sets
  declare readonly deploymentId: pulumi.Output<string>;
  /** `SUCCESS`, or what a refresh found instead. */
  declare readonly status: pulumi.Output<string>;

  constructor(name: string, args: RailwayDeploymentArgs, opts?: pulumi.CustomResourceOptions) {
    const DEFAULT_TIMEOUT_SECONDS = 900;
    super(
      railwayShell("deployment"),
      name,
      {
        waitFor: "running",
        timeoutSeconds: DEFAULT_TIMEOUT_SECONDS,
        ...args,
        ...{ deploymentId: undefined, status: undefined, stopped: undefined },
      },
      opts,
      "railway",
      "RailwayDeployment",
    );
  }
}
