import * as pulumi from "@pulumi/pulumi";
import type { MigrationsInputs, MigrationsOutputs } from "./migrations-provider.ts";

export interface LocalMigrationsArgs {
  /** `postgresql://` URL of the database as its owner. Kept as a secret. */
  readonly databaseUrl: pulumi.Input<string>;
  /** The program's main file, below the project's folder; it ends when the schema is up to date. */
  readonly program: string;
  /** A hash of the program's source (`sourceHash`), its migrations included: another one runs it again. */
  readonly sourceHash: string;
}

/** Kept in state as text: see local-process.ts. */
const provider: pulumi.dynamic.ResourceProvider<MigrationsInputs, MigrationsOutputs> = {
  diff: async (id, olds, news) =>
    (await import("#components/local/migrations-provider.ts")).migrationsProvider().diff(id, olds, news),
  create: async (inputs) =>
    (await import("#components/local/migrations-provider.ts")).migrationsProvider().create(inputs),
  update: async (id, olds, news) =>
    (await import("#components/local/migrations-provider.ts")).migrationsProvider().update(id, olds, news),
};

/** The database's schema and rights, as this version of the services needs them. Deleting it changes nothing. */
export class LocalMigrations extends pulumi.dynamic.Resource {
  constructor(name: string, args: LocalMigrationsArgs, opts?: pulumi.CustomResourceOptions) {
    const inputs = { ...args, databaseUrl: pulumi.secret(args.databaseUrl) };
    super(provider, name, { ...inputs, applied: undefined }, opts, "local", "LocalMigrations");
  }
}
