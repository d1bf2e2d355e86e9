import * as pulumi from "@pulumi/pulumi";
import type { RailwayConfig } from "../../../contracts/railway-config.ts";
import { API_PORT, WORKER_GRACE_SECONDS, WORKSPACES_PATH } from "../environments.ts";
import { RandomSecret } from "../../secrets/random-secret.ts";
import { makePilotSecrets } from "../pilot-secrets.ts";
import type { ServiceName } from "../service.ts";
import { DeployedService, type DeployedServiceArgs } from "./deployed-service.ts";
import { RailwayDomain } from "./railway-domain.ts";
import { variablesOfServices } from "./railway-environments.ts";
import { RailwayProject } from "./railway-project.ts";
import { OWNER_VARIABLE } from "./references.ts";
import { RailwayService, type RailwayServiceArgs } from "./railway-service.ts";

export interface RailwayPlatformArgs extends RailwayConfig {
  /** Provider -> its key, as JSON; a secret. */
  readonly llmKeys: pulumi.Input<string>;
  /** JSON: what the tools authenticate with; a secret. */
  readonly toolSecrets: pulumi.Input<string>;
  /** JSON: what opens the store of backups, and their keys; a secret. */
  readonly backupSecrets: pulumi.Input<string>;
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

  constructor(name: string, args: RailwayPlatformArgs, opts?: pulumi.ComponentResourceOptions) {
    const hidden = {
      llmKeys: pulumi.secret(args.llmKeys),
      toolSecrets: pulumi.secret(args.toolSecrets),
      backupSecrets: pulumi.secret(args.backupSecrets),
    };
    const { registryCredentials } = args;
    const credentials = registryCredentials === undefined ? undefined : pulumi.secret(registryCredentials);
    super(
      "automatos:pilot:RailwayPlatform",
      name,
      { ...args, ...hidden, ...(credentials === undefined ? {} : { registryCredentials: credentials }) },
      opts,
    );
    if (args.sandbox === "none") {
      void pulumi.log.warn(
        "automatos:settings sandbox is none: commands of all tenants run bare beside each other in the worker, which is for one trusted team only",
        this,
      );
    }
    // no secret: Railway's dashboard shows it
    const stackId = pulumi.unsecret(
      new RandomSecret(`${name}-stack-id`, { bytes: 16, encoding: "hex" }, { parent: this }).value,
    );
    const project = new RailwayProject(
      name,
      { stackId, name: args.projectName, workspaceId: args.workspaceId, environmentName: args.environmentName },
      { parent: this },
    );
    // what opens the data is kept as long as they are
    const secrets = makePilotSecrets(name, args, { parent: this, protect: args.protectData });
    const services = this.#services(name, { ...args, stackId }, project, credentials);
    const variables = variablesOfServices(args, secrets);
    const add = (service: ServiceName, what: Pick<DeployedServiceArgs, "volume" | "waitFor" | "after">) =>
      new DeployedService(
        `${name}-${service}`,
        {
          ...{
            ...what,
            project,
            serviceName: service,
            variables: { ...variables[service], [OWNER_VARIABLE]: stackId },
          },
          ...{ service: services[service], services: Object.values(services) },
        },
        { parent: this },
      );
    const volume = (mountPath: string, sizeGb: number) => ({
      ...{ mountPath, sizeGb, deletionAllowed: !args.protectData },
      ...(args.region === undefined ? {} : { region: args.region }),
    });
    const { workspacesGb, postgresGb, redisGb } = args.volumes;

    const postgres = add("postgres", {
      volume: volume("/var/lib/postgresql", postgresGb),
    });
    const redis = add("redis", { volume: volume("/data", redisGb) });
    const migrate = add("migrate", {
      waitFor: "completed",
      after: [postgres],
    });
    const api = add("api", { after: [migrate, redis] });
    const gateway = add("gateway", {
      after: [migrate],
    });
    add("worker", {
      volume: volume(WORKSPACES_PATH, workspacesGb),
      after: [api, gateway, redis],
    });
    const domain = new RailwayDomain(
      `${name}-api`,
      {
        ...{ workspaceId: project.workspaceId, projectId: project.id, environmentId: project.environmentId },
        ...{ serviceId: services.api.id, targetPort: API_PORT },
      },
      { parent: this },
    );

    this.apiUrl = pulumi.interpolate`https://${domain.domain}`;
    this.apiDocsUrl = pulumi.interpolate`${this.apiUrl}/docs`;
    this.adminToken = secrets.adminToken;
    this.projectId = project.id;
    this.registerOutputs({
      apiUrl: this.apiUrl,
      apiDocsUrl: this.apiDocsUrl,
      adminToken: this.adminToken,
      projectId: this.projectId,
    });
  }

  /** All of them, deployed or not: each can refer to each. */
  #services(
    name: string,
    args: RailwayPlatformArgs & { readonly stackId: pulumi.Output<string> },
    project: RailwayProject,
    registryCredentials: RailwayServiceArgs["registryCredentials"],
  ): Record<ServiceName, RailwayService> {
    const { limits, images, region, stackId } = args;
    const limited = (of: RailwayConfig["limits"]["api"]) => (of === undefined ? {} : { limits: defined(of) });
    const add = (service: ServiceName, settings: Partial<RailwayServiceArgs>) =>
      new RailwayService(
        `${name}-${service}`,
        {
          restartPolicy: RESTARTED,
          ...settings,
          ...(region === undefined ? {} : { region }),
          workspaceId: project.workspaceId,
          projectId: project.id,
          environmentId: project.environmentId,
          name: service,
          owner: stackId,
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
}

const defined = ({ cpu, memoryGb }: { readonly cpu?: number | undefined; readonly memoryGb?: number | undefined }) => ({
  ...(cpu === undefined ? {} : { cpu }),
  ...(memoryGb === undefined ? {} : { memoryGb }),
});
