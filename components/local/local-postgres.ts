import * as pulumi from "@pulumi/pulumi";
import type { PostgresInputs, PostgresOutputs } from "./postgres-provider.ts";

export interface LocalPostgresArgs {
  /** TCP port on 127.0.0.1. */
  readonly port: number;
  /** The configuration key that sets the port, for the error that it is taken. */
  readonly portKey: string;
  /** Password of the role `automatos`, which owns the database of that name. */
  readonly ownerPassword: pulumi.Input<string>;
  /** Passwords of the roles that the services have: `automatos_<service>`, which may do what migrations grant them. */
  readonly apiPassword: pulumi.Input<string>;
  readonly workerPassword: pulumi.Input<string>;
  readonly gatewayPassword: pulumi.Input<string>;
}

/** Kept in state as text: see local-process.ts. */
const provider: pulumi.dynamic.ResourceProvider<PostgresInputs, PostgresOutputs> = {
  check: async (olds, news) =>
    (await import("#components/local/postgres-provider.ts")).postgresProvider().check(olds, news),
  diff: async (id, olds, news) =>
    (await import("#components/local/postgres-provider.ts")).postgresProvider().diff(id, olds, news),
  create: async (inputs) => (await import("#components/local/postgres-provider.ts")).postgresProvider().create(inputs),
  read: async (id, props) =>
    (await import("#components/local/postgres-provider.ts")).postgresProvider().read(id, props),
  update: async (id, olds, news) =>
    (await import("#components/local/postgres-provider.ts")).postgresProvider().update(id, olds, news),
  delete: async (id, props) =>
    (await import("#components/local/postgres-provider.ts")).postgresProvider().delete(id, props),
};

/** A real PostgreSQL server on this machine, data in `.automatos/postgres/`. Deleting it stops it and keeps the data. */
export class LocalPostgres extends pulumi.dynamic.Resource {
  // `declare`: a field would overwrite the outputs that the SDK sets
  declare readonly pid: pulumi.Output<number>;
  /** Below the project's folder. */
  declare readonly logFile: pulumi.Output<string>;
  /** `postgresql://` URL of the database as its owner, for the migrations alone; a secret. */
  readonly ownerUrl: pulumi.Output<string>;
  /** The same database as the services' roles; secrets. */
  readonly apiUrl: pulumi.Output<string>;
  readonly workerUrl: pulumi.Output<string>;
  readonly gatewayUrl: pulumi.Output<string>;

  constructor(name: string, args: LocalPostgresArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = { pid: undefined, startTime: undefined, fingerprint: undefined, rolesFingerprint: undefined };
    super(
      provider,
      name,
      {
        ...args,
        ownerPassword: pulumi.secret(args.ownerPassword),
        apiPassword: pulumi.secret(args.apiPassword),
        workerPassword: pulumi.secret(args.workerPassword),
        gatewayPassword: pulumi.secret(args.gatewayPassword),
        ...outputs,
        status: undefined,
        logFile: undefined,
      },
      opts,
      "local",
      "LocalPostgres",
    );
    this.ownerUrl = databaseUrl("automatos", args.ownerPassword, args.port);
    this.apiUrl = databaseUrl("automatos_api", args.apiPassword, args.port);
    this.workerUrl = databaseUrl("automatos_worker", args.workerPassword, args.port);
    this.gatewayUrl = databaseUrl("automatos_gateway", args.gatewayPassword, args.port);
  }
}

function databaseUrl(role: string, password: pulumi.Input<string>, port: number): pulumi.Output<string> {
  return pulumi.secret(password).apply((text) => `postgresql://${role}:${text}@127.0.0.1:${port}/automatos`);
}
