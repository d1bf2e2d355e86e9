import * as pulumi from "@pulumi/pulumi";
import { railwayShell } from "./railway-resource.ts";

export interface RailwayVariablesArgs {
  /** The Railway workspace of the project: a token that does not see it cannot tell whether this is gone. */
  readonly workspaceId: pulumi.Input<string>;
  /** Another one replaces them. */
  readonly projectId: pulumi.Input<string>;
  /** Another one replaces them. */
  readonly environmentId: pulumi.Input<string>;
  /** The service whose variables they are. Another one replaces them. */
  readonly serviceId: pulumi.Input<string>;
  /** All of them: what the service has beside them is removed. Kept as a secret. */
  readonly variables: pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>>;
}

/** All variables of a service, written as one. They take effect with the next RailwayDeployment. */
export class RailwayVariables extends pulumi.dynamic.Resource {
  // `declare`: a field would overwrite the outputs that the SDK sets
  /** Another one after each change; a RailwayDeployment's trigger. */
  declare readonly revision: pulumi.Output<string>;

  constructor(name: string, args: RailwayVariablesArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      railwayShell("variables"),
      name,
      { ...args, variables: pulumi.secret(args.variables), revision: undefined },
      { ...opts, additionalSecretOutputs: ["variables"] },
      "railway",
      "RailwayVariables",
    );
  }
}
