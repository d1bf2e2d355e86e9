import * as pulumi from "@pulumi/pulumi";
import { railwayShell } from "./railway-resource.ts";

export interface RailwayServiceArgs {
  /** The Railway workspace of the project: a token that does not see it cannot tell whether this is gone. */
  readonly workspaceId: pulumi.Input<string>;
  /** Another one replaces the service. */
  readonly projectId: pulumi.Input<string>;
  /** Another one replaces the service. */
  readonly environmentId: pulumi.Input<string>;
  /** Also its host name in the private network: `<name>.railway.internal`. */
  readonly name: pulumi.Input<string>;
  /**
   * Id of the stack, which its variables name as AUTOMATOS_STACK: by it a service is known as this stack's own.
   * @default one of the same name is taken over only while it has no more than its name
   */
  readonly owner?: pulumi.Input<string>;
  /** Reference of the image it runs; in production by digest. */
  readonly image: pulumi.Input<string>;
  /**
   * Replaces the image's own command.
   * @default the image's
   */
  readonly startCommand?: pulumi.Input<string>;
  /**
   * Path that answers 200 once it can work; a new deployment takes over only then.
   * @default none is asked
   */
  readonly healthcheckPath?: pulumi.Input<string>;
  /** @default Railway's */
  readonly healthcheckTimeoutSeconds?: pulumi.Input<number>;
  /** @default `{ type: "ON_FAILURE", maxRetries: 10 }` */
  readonly restartPolicy?: pulumi.Input<{
    readonly type: "ALWAYS" | "NEVER" | "ON_FAILURE";
    readonly maxRetries: number;
  }>;
  /** @default the workspace's preferred region */
  readonly region?: pulumi.Input<string>;
  /** @default 1; with a volume no other is possible */
  readonly replicas?: pulumi.Input<number>;
  /**
   * Seconds from SIGTERM to SIGKILL.
   * @default Railway's
   */
  readonly drainingSeconds?: pulumi.Input<number>;
  /**
   * CPUs, and memory in GB (of 1,000 MB).
   * @default those of the Railway plan
   */
  readonly limits?: pulumi.Input<{ readonly cpu?: number; readonly memoryGb?: number }>;
  /**
   * Whether a RailwayVolume is mounted in it.
   * @default false
   */
  readonly volume?: boolean;
  /** How a private registry is entered (Railway's Pro plan). Kept as a secret. */
  readonly registryCredentials?: pulumi.Input<{ readonly username: string; readonly password: string }>;
  /** Id of an existing service that is taken over instead of making one. Read at creation only. */
  readonly importId?: pulumi.Input<string>;
}

/**
 * A service of a Railway project: its name and settings. One of the same name in the project is taken over where it is
 * this stack's, and refused where somebody else has made more of it than a name. It deploys nothing: a
 * RailwayDeployment does, once variables and volume are there.
 */
export class RailwayService extends pulumi.dynamic.Resource {
  // `declare`: a field would overwrite the outputs that the SDK sets
  declare readonly name: pulumi.Output<string>;
  /** Another one after each change of its settings; a RailwayDeployment's trigger. */
  declare readonly revision: pulumi.Output<string>;

  constructor(name: string, args: RailwayServiceArgs, opts?: pulumi.CustomResourceOptions) {
    const { registryCredentials, ...rest } = args;
    const defaults = { restartPolicy: { type: "ON_FAILURE", maxRetries: 10 }, replicas: 1, volume: false };
    const inputs = {
      ...defaults,
      ...rest,
      ...(registryCredentials === undefined ? {} : { registryCredentials: pulumi.secret(registryCredentials) }),
    };
    super(
      railwayShell("service"),
      name,
      { ...inputs, settings: undefined, revision: undefined },
      { ...opts, additionalSecretOutputs: ["registryCredentials"] },
      "railway",
      "RailwayService",
    );
  }
}
