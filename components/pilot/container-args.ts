import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { ComposeConfig } from "../../contracts/pilot-config.ts";
import type { NetworkName, PilotService, VolumeName } from "./service.ts";

/** What a container is made from beside its service's description. */
export interface ContainerPlace {
  /** One of several of its service has a number, from 1 on. */
  readonly index?: number;
  readonly image: pulumi.Input<string>;
  readonly networks: Readonly<Record<NetworkName, pulumi.Input<string>>>;
  readonly volumes: Readonly<Record<VolumeName, pulumi.Input<string>>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly restart: ComposeConfig["restart"];
  readonly logs: ComposeConfig["logs"];
}

/** How long a container may take until it is healthy. */
const WAIT_SECONDS = 180;

/** A service's description as @pulumi/docker takes it. Its environment is a secret as a whole. */
export function containerArgs(
  service: PilotService<pulumi.Output<string>>,
  place: ContainerPlace,
): docker.ContainerArgs {
  const { index } = place;
  const host = index === undefined ? service.name : `${service.name}-${index}`;
  const environment = { ...service.environment, ...(index === undefined ? {} : { WORKER_ID: host }) };
  return {
    image: place.image,
    hostname: host,
    user: service.user,
    ...(service.command === undefined ? {} : { command: [...service.command] }),
    envs: pulumi.secret(
      pulumi.all(Object.entries(environment).map(([key, value]) => pulumi.interpolate`${key}=${value}`)),
    ),
    networksAdvanced: service.networks.map((network) => ({
      name: place.networks[network],
      // one name for all of its kind, and one of its own
      aliases: index === undefined ? [host] : [service.name, host],
    })),
    ports: service.published.map(({ port, hostPort, address }) => ({
      internal: port,
      external: hostPort,
      ip: address,
    })),
    volumes: service.volumes.map(({ volume, path }) => ({ volumeName: place.volumes[volume], containerPath: path })),
    labels: Object.entries({ ...place.labels, "automatos.service": service.name }).map(([label, value]) => ({
      label,
      value,
    })),
    ...hardening(service),
    ...endurance(service, place),
  };
}

function hardening(service: PilotService<unknown>): Partial<docker.ContainerArgs> {
  return {
    readOnly: true,
    tmpfs: { ...service.tmpfs },
    capabilities: { drops: ["ALL"] },
    securityOpts: [...service.securityOptions],
    memory: service.limits.memoryMb,
    memorySwap: service.limits.memoryMb, // as much in all as without swap: none
    cpus: String(service.limits.cpus),
    ...(service.sharedMemoryMb === undefined ? {} : { shmSize: service.sharedMemoryMb }),
  };
}

function endurance(service: PilotService<unknown>, { restart, logs }: ContainerPlace): Partial<docker.ContainerArgs> {
  const { health } = service;
  return {
    logDriver: "json-file",
    logOpts: { "max-size": `${logs.maxSizeMb}m`, "max-file": String(logs.maxFiles) },
    // one that ended well is as it should be: neither a refresh nor the daemon starts it again
    ...(service.once
      ? { attach: true, logs: true, mustRun: false, restart: "no" }
      : { restart, wait: true, waitTimeout: WAIT_SECONDS }),
    ...(health === undefined
      ? {}
      : {
          healthcheck: {
            tests: [...health.test],
            interval: `${health.interval}s`,
            timeout: `${health.timeout}s`,
            retries: health.retries,
            startPeriod: `${health.startPeriod}s`,
          },
        }),
    destroyGraceSeconds: service.stopGraceSeconds,
    stopTimeout: service.stopGraceSeconds,
  };
}
