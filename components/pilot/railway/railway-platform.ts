import * as pulumi from "@pulumi/pulumi";
import { TASK_CREDENTIAL_KINDS } from "../../../contracts/credential.ts";
import type { RailwayConfig } from "../../../contracts/railway-config.ts";
import { credentialKeysFor, platformSecrets } from "../../secrets/platform-secrets.ts";
import { RandomSecret } from "../../secrets/random-secret.ts";
import { DeployedService, type DeployedServiceArgs } from "./deployed-service.ts";
import { RailwayDomain } from "./railway-domain.ts";
import {
  API_PORT,
  apiVariables,
  gatewayVariables,
  migrateVariables,
  postgresVariables,
  type RailwaySecrets,
  redisVariables,
  type ServiceName,
  WORKER_GRACE_SECONDS,
  workerVariables,
  WORKSPACES_DIR,
} from "./railway-environments.ts";
import { RailwayProject } from "./railway-project.ts";
import { RailwayService, type RailwayServiceArgs } from "./railway-service.ts";

export interface RailwayPlatformArgs extends RailwayConfig {
  /** Provider -> its key, as JSON; a secret. */
  readonly llmKeys: pulumi.Input<string>;
  /** JSON: what the tools authenticate with; a secret. */
  readonly toolSecrets: pulumi.Input<string>;
  /**
   * How a private registry with the images is entered (Railway's Pro plan).
   * @default the images are public
   */
  readonly registryCredentials?: pulumi.Input<{ readonly username: string; readonly password: string }>;
}

/**
 * Through the image's own entrypoint, which gives the volume to the user `redis` and becomes him. An own shell fills in
 * the password, as Railway starts commands without one.
 */
const REDIS_COMMAND =
  `/bin/sh -c 'exec docker-entrypoint.sh redis-server --bind "* -::*" --requirepass "$REDIS_PASSWORD" --dir /data ` +
  `--appendonly yes --appendfsync everysec --save "" --maxmemory-policy noeviction'`;

const READY = { healthcheckPath: "/readyz", healthcheckTimeoutSeconds: 300 };
/** Of what runs on: it is started again however it ended. */
const RESTARTED = { type: "ALWAYS", maxRetries: 10 } as const;

/**
 * The pilot as a Railway project: PostgreSQL, Redis, API, gateway and one worker, on images that are there already. All
 * speak over the private network; the API alone has a public name. About $45 to $55 a month for fifteen users.
 */
export class RailwayPlatform extends pulumi.ComponentResource {
  /** `https://`, below Railway's own domain. */
  readonly apiUrl: pulumi.Output<string>;
  readonly apiDocsUrl: pulumi.Output<string>;
  /** Bearer token of the first administrator; a secret. */
  readonly adminToken: pulumi.Output<string>;
  readonly projectId: pulumi.Output<string>;
  /** In the worker's volume. */
  readonly workspacesDir: string = WORKSPACES_DIR;

  constructor(name: string, args: RailwayPlatformArgs, opts?: pulumi.ComponentResourceOptions) {
    const hidden = { llmKeys: pulumi.secret(args.llmKeys), toolSecrets: pulumi.secret(args.toolSecrets) };
    const { registryCredentials } = args;
    const credentials = registryCredentials === undefined ? undefined : pulumi.secret(registryCredentials);
    super(
      "automatos:pilot:RailwayPlatform",
      name,
      { ...args, ...hidden, ...(credentials === undefined ? {} : { registryCredentials: credentials }) },
      opts,
    );
    const project = new RailwayProject(
      name,
      { name: args.projectName, workspaceId: args.workspaceId, environmentName: args.environmentName },
      { parent: this },
    );
    const secrets = this.#secrets(name, args);
    const services = this.#services(name, args, project, credentials);
    const given = { ...args, secrets };
    const add = (service: ServiceName, what: Pick<DeployedServiceArgs, "variables" | "volume" | "waitFor" | "after">) =>
      new DeployedService(
        `${name}-${service}`,
        { ...what, project, services: Object.values(services), service: services[service], serviceName: service },
        { parent: this },
      );
    const volume = (mountPath: string, sizeGb: number) => ({
      ...{ mountPath, sizeGb, deletionAllowed: !args.protectData },
      ...(args.region === undefined ? {} : { region: args.region }),
    });
    const { workspacesGb, postgresGb, redisGb } = args.volumes;

    const postgres = add("postgres", {
      variables: postgresVariables(given),
      volume: volume("/var/lib/postgresql", postgresGb),
    });
    const redis = add("redis", { variables: redisVariables(given), volume: volume("/data", redisGb) });
    const migrate = add("migrate", {
      variables: migrateVariables(given),
      waitFor: "completed",
      after: [postgres],
    });
    const api = add("api", { variables: apiVariables(given), after: [migrate, redis] });
    // names are looked up on the thread pool: a slow name server must not hold up the others
    const gateway = add("gateway", {
      variables: { ...gatewayVariables(given), UV_THREADPOOL_SIZE: "64" },
      after: [migrate],
    });
    add("worker", {
      variables: workerVariables(given),
      volume: volume(WORKSPACES_DIR, workspacesGb),
      after: [api, gateway, redis],
    });
    const domain = new RailwayDomain(
      `${name}-api`,
      { projectId: project.id, environmentId: project.environmentId, serviceId: services.api.id, targetPort: API_PORT },
      { parent: this },
    );

    this.apiUrl = pulumi.interpolate`https://${domain.domain}`;
    this.apiDocsUrl = pulumi.interpolate`${this.apiUrl}/docs`;
    this.adminToken = pulumi.output(secrets.adminToken);
    this.projectId = project.id;
    this.registerOutputs({
      apiUrl: this.apiUrl,
      apiDocsUrl: this.apiDocsUrl,
      adminToken: this.adminToken,
      projectId: this.projectId,
      workspacesDir: this.workspacesDir,
    });
  }

  /** All of them, deployed or not: each can refer to each. */
  #services(
    name: string,
    args: RailwayPlatformArgs,
    project: RailwayProject,
    registryCredentials: RailwayServiceArgs["registryCredentials"],
  ): Record<ServiceName, RailwayService> {
    const { limits, images, region } = args;
    const limited = (of: RailwayConfig["limits"]["api"]) => (of === undefined ? {} : { limits: defined(of) });
    const add = (service: ServiceName, settings: Partial<RailwayServiceArgs>) =>
      new RailwayService(
        `${name}-${service}`,
        {
          restartPolicy: RESTARTED,
          ...settings,
          ...(region === undefined ? {} : { region }),
          projectId: project.id,
          environmentId: project.environmentId,
          name: service,
          image: images[service],
        },
        { parent: this },
      );
    // PostgreSQL and Redis come from public registries, whose credentials these are not
    const own = registryCredentials === undefined ? {} : { registryCredentials };
    return {
      postgres: add("postgres", { volume: true, drainingSeconds: 60, ...limited(limits.postgres) }),
      redis: add("redis", { volume: true, startCommand: REDIS_COMMAND, ...limited(limits.redis) }),
      // it ends when the schema is up to date, and is tried again while PostgreSQL is still starting
      migrate: add("migrate", { ...own, restartPolicy: { type: "ON_FAILURE", maxRetries: 10 } }),
      api: add("api", { ...own, ...READY, ...limited(limits.api) }),
      gateway: add("gateway", { ...own, ...READY, ...limited(limits.gateway) }),
      worker: add("worker", {
        ...{ ...own, ...READY, ...limited(limits.worker), volume: true },
        drainingSeconds: WORKER_GRACE_SECONDS + 10,
      }),
    };
  }

  /** What opens the data is kept as long as they are. */
  #secrets(name: string, args: RailwayPlatformArgs): RailwaySecrets {
    const opts = { parent: this, protect: args.protectData };
    const platform = platformSecrets(name, { credentialKeys: args.credentialKeys }, opts);
    const password = (of: string) =>
      new RandomSecret(`${name}-${of}-password`, { bytes: 24, encoding: "hex" }, opts).value;
    const { ownerPassword, apiPassword, workerPassword, gatewayPassword, adminToken, taskTokenKey } = platform;
    return {
      ...{ ownerPassword, apiPassword, workerPassword, gatewayPassword, adminToken, taskTokenKey },
      superuserPassword: password("postgres"),
      redisPassword: password("redis"),
      apiCredentialKeys: platform.credentialKeys,
      workerCredentialKeys: credentialKeysFor(platform, TASK_CREDENTIAL_KINDS),
      gatewayCredentialKeys: credentialKeysFor(platform, ["git_https"]),
      llmKeys: pulumi.secret(args.llmKeys),
      toolSecrets: pulumi.secret(args.toolSecrets),
    };
  }
}

const defined = ({ cpu, memoryGb }: { readonly cpu?: number | undefined; readonly memoryGb?: number | undefined }) => ({
  ...(cpu === undefined ? {} : { cpu }),
  ...(memoryGb === undefined ? {} : { memoryGb }),
});
