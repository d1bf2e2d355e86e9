import * as pulumi from "@pulumi/pulumi";
import { railwayShell } from "./railway-resource.ts";

export interface RailwayVolumeArgs {
  /** The Railway workspace of the project: a token that does not see it cannot tell whether this is gone. */
  readonly workspaceId: pulumi.Input<string>;
  /** Another one replaces the volume, which `deletionAllowed` must permit. */
  readonly projectId: pulumi.Input<string>;
  /** Another one replaces the volume, which `deletionAllowed` must permit. */
  readonly environmentId: pulumi.Input<string>;
  /** The service it is mounted in; a service has one volume. Another one moves it with its data. */
  readonly serviceId: pulumi.Input<string>;
  /** Where the service sees it. */
  readonly mountPath: pulumi.Input<string>;
  /** Size in GB (of 1,000 MB). It only grows. */
  readonly sizeGb: pulumi.Input<number>;
  /**
   * Another one replaces the volume, which `deletionAllowed` must permit.
   * @default the workspace's preferred region
   */
  readonly region?: pulumi.Input<string>;
  /**
   * Whether the data may be deleted. Without it the resource is protected, and its provider deletes nothing either.
   * @default false
   */
  readonly deletionAllowed?: boolean;
  /** Id of an existing volume that is taken over instead of making one. Read at creation only. */
  readonly importId?: pulumi.Input<string>;
}

/** A persistent disk of a service. One at the same path of the service is taken over. Protected unless told otherwise. */
export class RailwayVolume extends pulumi.dynamic.Resource {
  // `declare`: a field would overwrite the outputs that the SDK sets
  /** Another one after it was moved or has grown; a RailwayDeployment's trigger. */
  declare readonly revision: pulumi.Output<string>;

  constructor(name: string, args: RailwayVolumeArgs, opts?: pulumi.CustomResourceOptions) {
    const inputs = { ...args, deletionAllowed: args.deletionAllowed ?? false };
    super(
      railwayShell("volume"),
      name,
      { ...inputs, revision: undefined },
      { protect: !inputs.deletionAllowed, ...opts },
      "railway",
      "RailwayVolume",
    );
  }
}
