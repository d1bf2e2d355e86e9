import * as pulumi from "@pulumi/pulumi";
import { railwayShell } from "./railway-resource.ts";

export interface RailwayProjectArgs {
  /**
   * Random id of the stack, kept in its state and no secret. It is written into the project's description, by which the
   * project is known as this stack's own: two stacks may have the same name.
   */
  readonly stackId: pulumi.Input<string>;
  /** As Railway's dashboard shows it. */
  readonly name: pulumi.Input<string>;
  /** Id of the Railway workspace (the team that pays) it belongs to. Another one replaces the project. */
  readonly workspaceId: pulumi.Input<string>;
  /**
   * The environment that is made with it, and used. Another one replaces the project.
   * @default `production`
   */
  readonly environmentName?: pulumi.Input<string>;
  /** Id of an existing project that is taken over instead of making one. Read at creation only. */
  readonly importId?: pulumi.Input<string>;
}

/**
 * A Railway project. One of the same name whose description names this stack's id is taken over; another's is refused.
 * Deleting it is refused while it has volumes.
 */
export class RailwayProject extends pulumi.dynamic.Resource {
  // `declare`: a field would overwrite the outputs that the SDK sets
  declare readonly name: pulumi.Output<string>;
  declare readonly workspaceId: pulumi.Output<string>;
  /** Id of the environment `environmentName`. */
  declare readonly environmentId: pulumi.Output<string>;

  constructor(name: string, args: RailwayProjectArgs, opts?: pulumi.CustomResourceOptions) {
    const { stackId, ...rest } = args;
    const description = pulumi.interpolate`Made by Pulumi: stack ${pulumi.getProject()}/${pulumi.getStack()} (${stackId})`;
    const inputs = { environmentName: "production", ...rest, description };
    super(railwayShell("project"), name, { ...inputs, environmentId: undefined }, opts, "railway", "RailwayProject");
  }
}
