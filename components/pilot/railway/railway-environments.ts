import * as pulumi from "@pulumi/pulumi";
import type { RailwayConfig } from "../../../contracts/railway-config.ts";
import type { ApiEnv, GatewayEnv, MigrateEnv, WorkerEnv } from "../../../contracts/service-env.ts";
import type { EnvironmentOf } from "../../environment-of.ts";
import {
  apiEnv,
  type EnvironmentArgs,
  type EnvironmentConfig,
  GATEWAY_HEALTH_PORT,
  gatewayEnv,
  migrateEnv,
  type PilotSecrets,
  type Places,
  WORKER_HEALTH_PORT,
  workerEnv,
} from "../environments.ts";
import { privateHost, reference } from "./references.ts";

type Text = pulumi.Output<string>;

/** The private network's names. Both families: environments from before October 2025 have IPv6 alone there. */
const PLACES: Places = { everyAddress: "::", hostOf: privateHost };

/** The port on which Railway asks after a service's health. */
const healthPort = (port: number) => ({ PORT: String(port) });
/** The start of a container as root, by which a volume that root owns is given to the service's user. */
const AS_ROOT = { RAILWAY_RUN_UID: "0" };

export interface RailwayVariablesOfServices {
  readonly postgres: Readonly<Record<string, pulumi.Input<string>>>;
  readonly redis: Readonly<Record<string, pulumi.Input<string>>>;
  readonly migrate: EnvironmentOf<MigrateEnv>;
  readonly api: EnvironmentOf<ApiEnv>;
  readonly gateway: EnvironmentOf<GatewayEnv>;
  readonly worker: EnvironmentOf<WorkerEnv>;
}

/** The variables of all services: those that every pilot has, with what Railway needs beside them. */
export function variablesOfServices(
  config: EnvironmentConfig & Pick<RailwayConfig, "sandbox">,
  secrets: PilotSecrets<Text>,
): RailwayVariablesOfServices {
  const args: EnvironmentArgs<Text> = {
    config,
    places: PLACES,
    concat: (...parts) => pulumi.concat(...parts),
    // PostgreSQL and Redis alone have these: the others refer to them, and one that is changed is changed in one place
    secrets: {
      ...secrets,
      superuserPassword: pulumi.output(reference("postgres", "POSTGRES_PASSWORD")),
      redisPassword: pulumi.output(reference("redis", "REDIS_PASSWORD")),
    },
  };
  return {
    postgres: {
      POSTGRES_USER: "postgres",
      POSTGRES_PASSWORD: secrets.superuserPassword,
      POSTGRES_INITDB_ARGS: "--auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8",
      // below the volume: its root holds lost+found, and where the image puts data depends on its version
      PGDATA: "/var/lib/postgresql/automatos",
      ...AS_ROOT,
    },
    redis: { REDIS_PASSWORD: secrets.redisPassword, ...AS_ROOT },
    migrate: migrateEnv(args),
    api: apiEnv(args),
    // names are looked up on the thread pool: a slow name server must not hold up the others
    gateway: { ...gatewayEnv(args), ...healthPort(GATEWAY_HEALTH_PORT), ...{ UV_THREADPOOL_SIZE: "64" } },
    worker: {
      ...workerEnv(args),
      AUTOMATOS_SANDBOX: config.sandbox,
      ...healthPort(WORKER_HEALTH_PORT),
      // a container's own host name is none in the private network
      HEALTH_ADVERTISE_HOST: privateHost("worker"),
      TOOL_ADVERTISE_HOST: privateHost("worker"),
      ...AS_ROOT,
    },
  };
}
