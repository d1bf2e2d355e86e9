import { stringify } from "yaml";
import type { ComposeConfig } from "../../contracts/pilot-config.ts";
import { buildArguments } from "../images/build-options.ts";
import { SERVICE_IMAGES, SERVICE_NAMES, type ServiceName as ServiceImageName } from "../images/definitions.ts";
import { workerSecurity } from "../images/worker-security.ts";
import { serviceBuild } from "./build.ts";
import { COMPOSE_SECRETS } from "./compose-secrets.ts";
import type { PilotSecrets } from "./environments.ts";
import { NETWORKS, type PilotService, VOLUMES } from "./service.ts";
import { pilotServices } from "./services.ts";

/** Said by `docker compose` when a variable has no value. */
const NO_SECRETS = "run npm run render env first: it writes .env";

/** Text of docker-compose.yml in which variables are replaced; plain text beside it has its dollars doubled. */
class Interpolated {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const escape = (plain: string) => plain.replaceAll("$", "$$$$");
const textOf = (value: string | Interpolated) => (value instanceof Interpolated ? value.text : escape(value));
const concat = (...parts: readonly (string | Interpolated)[]) => new Interpolated(parts.map(textOf).join(""));

const secrets = Object.fromEntries(
  Object.entries(COMPOSE_SECRETS).map(([name, { variable }]) => [
    name,
    new Interpolated(`\${${variable}:?${NO_SECRETS}}`),
  ]),
) as unknown as PilotSecrets<Interpolated>; // COMPOSE_SECRETS has the same keys, which Object.entries does not tell

/**
 * docker-compose.yml for the repository's root: what ComposeStack makes, for those who have Docker Compose and no Pulumi.
 * Secrets are variables, without defaults. The worker has the profile `workers`.
 *
 * @param command By which it is rendered; said in its first line.
 */
export function renderComposeFile(config: ComposeConfig, command: string): string {
  const services = pilotServices<Interpolated>({
    ...{ config, secrets, concat, workerSeccomp: `./${workerSecurity.seccompFile}` },
  });
  const file = {
    name: "automatos",
    services: Object.fromEntries(services.map((service) => [service.name, serviceEntry(config, service, services)])),
    networks: Object.fromEntries(Object.entries(NETWORKS).map(([name, { internal }]) => [name, { internal }])),
    volumes: Object.fromEntries(Object.keys(VOLUMES).map((name) => [name, {}])),
  };
  const head =
    `# Rendered by \`${command}\` from Pulumi.pilot.yaml: change that, not this.\n` +
    "# npm run render env && docker compose --profile workers up --build --detach --wait\n";
  return head + stringify(file, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false });
}

function serviceEntry(
  config: ComposeConfig,
  service: PilotService<Interpolated>,
  all: readonly PilotService<Interpolated>[],
): Record<string, unknown> {
  const { health } = service;
  return {
    ...imageOf(config, service),
    ...(service.name === "worker" ? { profiles: ["workers"], scale: config.workers } : {}),
    ...(service.command === undefined ? {} : { command: service.command.map(escape) }),
    user: service.user,
    environment: Object.fromEntries(Object.entries(service.environment).map(([key, value]) => [key, textOf(value)])),
    networks: service.networks,
    ...(service.published.length === 0
      ? {}
      : {
          ports: service.published.map(({ port, hostPort, address }) => {
            const host = address.includes(":") ? `[${address}]` : address;
            return `${host}:${hostPort}:${port}`;
          }),
        }),
    ...(service.volumes.length === 0
      ? {}
      : { volumes: service.volumes.map(({ volume, path }) => `${volume}:${path}`) }),
    read_only: true,
    tmpfs: Object.entries(service.tmpfs).map(([path, options]) => `${path}:${options}`),
    cap_drop: ["ALL"],
    security_opt: service.securityOptions,
    cpus: service.limits.cpus,
    mem_limit: `${service.limits.memoryMb}m`,
    memswap_limit: `${service.limits.memoryMb}m`,
    ...(service.sharedMemoryMb === undefined ? {} : { shm_size: `${service.sharedMemoryMb}m` }),
    ...(health === undefined
      ? {}
      : {
          healthcheck: {
            test: health.test.map(escape),
            interval: `${health.interval}s`,
            timeout: `${health.timeout}s`,
            retries: health.retries,
            start_period: `${health.startPeriod}s`,
          },
        }),
    ...(service.after.length === 0
      ? {}
      : { depends_on: Object.fromEntries(service.after.map((name) => [name, waitFor(name, all)])) }),
    restart: service.once ? "no" : config.restart,
    stop_grace_period: `${service.stopGraceSeconds}s`,
    logging: {
      driver: "json-file",
      options: { "max-size": `${config.logs.maxSizeMb}m`, "max-file": String(config.logs.maxFiles) },
    },
  };
}

const waitFor = (name: string, all: readonly PilotService<unknown>[]) => {
  const once = all.some((service) => service.name === name && service.once);
  return { condition: once ? "service_completed_successfully" : "service_healthy" };
};

const isOurs = (name: string): name is ServiceImageName => (SERVICE_NAMES as readonly string[]).includes(name);

function imageOf(config: ComposeConfig, { name }: PilotService<unknown>): Record<string, unknown> {
  const { services, postgres, redis } = config.images;
  if (!isOurs(name)) return { image: name === "postgres" ? postgres : redis };
  if (services !== undefined) return { image: services[name] };
  const build = serviceBuild(config);
  const args = { ...buildArguments(name, build), ...build.proxy };
  return {
    image: `automatos/${name}:compose`,
    build: {
      context: ".",
      dockerfile: SERVICE_IMAGES[name].dockerfile,
      args: Object.fromEntries(Object.entries(args).map(([key, value]) => [key, escape(value)])),
      ...(build.network === undefined ? {} : { network: build.network }),
    },
  };
}
