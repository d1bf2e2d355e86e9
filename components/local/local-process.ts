import * as pulumi from "@pulumi/pulumi";
import type { ServiceInputs, ServiceOutputs } from "./service-provider.ts";

export interface LocalProcessArgs {
  /** Unique among the processes of a project; names its log and its record. */
  readonly name: string;
  /** The program's main file, below the project's folder; run by the Node.js that runs the deployment. */
  readonly program: string;
  /**
   * Flags of Node.js itself.
   * @default `[]`
   */
  readonly nodeFlags?: readonly string[];
  /** The program's whole environment, but for the machine's PATH and its like. Kept as a secret. */
  readonly env: Readonly<Record<string, pulumi.Input<string>>>;
  /** TCP port on 127.0.0.1 where the program answers 200 on `/readyz` once it can work. */
  readonly port: number;
  /** The configuration key that sets the port, for the error that it is taken. */
  readonly portKey: string;
  /** A hash of the program's source (`sourceHash`): another one starts the program again. */
  readonly sourceHash: string;
  /**
   * Seconds from SIGTERM to SIGKILL.
   * @default 30
   */
  readonly stopGraceSeconds?: number;
  /**
   * Seconds until the program must be ready.
   * @default 60
   */
  readonly readyTimeoutSeconds?: number;
}

/**
 * The shell that is kept in state, as text: it must not change without need, and may not use anything of this file.
 * Specifiers are resolved from the running program's folder, hence the package's own import map.
 */
const provider: pulumi.dynamic.ResourceProvider<ServiceInputs, ServiceOutputs> = {
  check: async (olds, news) =>
    (await import("#components/local/service-provider.ts")).serviceProvider().check(olds, news),
  diff: async (id, olds, news) =>
    (await import("#components/local/service-provider.ts")).serviceProvider().diff(id, olds, news),
  create: async (inputs) => (await import("#components/local/service-provider.ts")).serviceProvider().create(inputs),
  read: async (id, props) => (await import("#components/local/service-provider.ts")).serviceProvider().read(id, props),
  update: async (id, olds, news) =>
    (await import("#components/local/service-provider.ts")).serviceProvider().update(id, olds, news),
  delete: async (id, props) =>
    (await import("#components/local/service-provider.ts")).serviceProvider().delete(id, props),
};

/** A program that runs on this machine on its own, healthy; started again when it died or its source changed. */
export class LocalProcess extends pulumi.dynamic.Resource {
  // `declare`: a field would overwrite the outputs that the SDK sets
  declare readonly pid: pulumi.Output<number>;
  /** Below the project's folder. */
  declare readonly logFile: pulumi.Output<string>;
  /** `running`, or what a refresh found instead. */
  declare readonly status: pulumi.Output<string>;
  /** `http://127.0.0.1:<port>`, once the program is ready. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: LocalProcessArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { pid: undefined, startTime: undefined, fingerprint: undefined, status: undefined };
    const defaults = { nodeFlags: [], stopGraceSeconds: 30, readyTimeoutSeconds: 60 };
    super(
      provider,
      name,
      { ...defaults, ...args, env: pulumi.secret(args.env), ...outputs, logFile: undefined },
      opts,
      "local",
      "LocalProcess",
    );
    // by the id, which a preview knows of a process that is to be started again
    this.url = this.id.apply(() => `http://127.0.0.1:${args.port}`);
  }
}
