import * as pulumi from "@pulumi/pulumi";
import { railwayShell } from "./railway-resource.ts";

export interface RailwayDomainArgs {
  /** The Railway workspace of the project: a token that does not see it cannot tell whether this is gone. */
  readonly workspaceId: pulumi.Input<string>;
  /** Another one replaces it. */
  readonly projectId: pulumi.Input<string>;
  /** Another one replaces it. */
  readonly environmentId: pulumi.Input<string>;
  /** The service that becomes public. Another one replaces it. */
  readonly serviceId: pulumi.Input<string>;
  /** The port on which the service answers HTTP. */
  readonly targetPort: pulumi.Input<number>;
  /** Id of an existing one that is taken over instead of making one. Read at creation only. */
  readonly importId?: pulumi.Input<string>;
}

/** A public name, chosen by Railway, by which a service is reached over HTTPS. The service's only one is taken over. */
export class RailwayDomain extends pulumi.dynamic.Resource {
  // `declare`: a field would overwrite the outputs that the SDK sets
  /** E.g. `api-production-1a2b.up.railway.app`. */
  declare readonly domain: pulumi.Output<string>;

  constructor(name: string, args: RailwayDomainArgs, opts?: pulumi.CustomResourceOptions) {
    super(railwayShell("domain"), name, { ...args, domain: undefined }, opts, "railway", "RailwayDomain");
  }
}
