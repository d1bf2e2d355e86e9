/** From a Container's inputs to what the daemon's API takes. */
import type { ContainerCreateOptions, HostConfig } from "dockerode";
import { labelMap } from "../../labels.ts";
import { nanoseconds } from "./duration.ts";
import type { ContainerInputs } from "./inputs.ts";
import { mountsOf, volumesOf } from "./storage.ts";

export const MEGABYTE = 1024 * 1024;

export function createOptions(inputs: ContainerInputs): ContainerCreateOptions {
  const { healthcheck: check } = inputs;
  const volumes = volumesOf(inputs.volumes ?? []);
  const options = {
    name: inputs.name,
    platform: inputs.platform,
    Image: inputs.image,
    Hostname: inputs.hostname,
    Domainname: inputs.domainname,
    User: inputs.user,
    Tty: inputs.tty,
    OpenStdin: inputs.stdinOpen,
    Env: inputs.envs,
    Cmd: inputs.command,
    Entrypoint: inputs.entrypoints,
    WorkingDir: inputs.workingDir,
    Labels: labelMap(inputs.labels),
    StopSignal: inputs.stopSignal,
    StopTimeout: inputs.stopTimeout,
    ExposedPorts: Object.fromEntries((inputs.ports ?? []).map((port) => [`${port.internal}/${port.protocol}`, {}])),
    Volumes: volumes.anonymous,
    Healthcheck: check && {
      Test: check.tests ?? [],
      Interval: nanoseconds(check.interval),
      Timeout: nanoseconds(check.timeout),
      StartPeriod: nanoseconds(check.startPeriod),
      StartInterval: nanoseconds(check.startInterval),
      Retries: check.retries,
    },
    HostConfig: { ...hostConfig(inputs), Binds: volumes.binds, VolumesFrom: volumes.from },
  };
  // What the program does not say must not be in the request at all; the declared types lack some of the API's fields.
  return JSON.parse(JSON.stringify(options)) as ContainerCreateOptions;
}

function hostConfig(inputs: ContainerInputs) {
  const { securityOpts } = inputs;
  const unconfined = securityOpts?.includes("systempaths=unconfined");
  return {
    ...resourcesOf(inputs),
    ...(inputs.cpus !== undefined && { NanoCpus: Math.round(Number(inputs.cpus) * 1e9) }),
    AutoRemove: inputs.rm,
    CapAdd: inputs.capabilities?.adds,
    CapDrop: inputs.capabilities?.drops,
    CgroupnsMode: inputs.cgroupnsMode,
    CgroupParent: inputs.cgroupParent,
    DeviceRequests: deviceRequests(inputs),
    Devices: inputs.devices?.map((device) => ({
      PathOnHost: device.hostPath,
      PathInContainer: device.containerPath ?? device.hostPath,
      CgroupPermissions: device.permissions,
    })),
    Dns: inputs.dns,
    DnsOptions: inputs.dnsOpts,
    DnsSearch: inputs.dnsSearches,
    ExtraHosts: inputs.hosts?.map(({ host, ip }) => `${host}:${ip}`),
    GroupAdd: inputs.groupAdds,
    Init: inputs.init,
    IpcMode: inputs.ipcMode,
    LogConfig: { Type: inputs.logDriver ?? "", Config: inputs.logOpts ?? {} },
    Mounts: mountsOf(inputs.mounts ?? []),
    NetworkMode: inputs.networkMode,
    PidMode: inputs.pidMode,
    PortBindings: portBindings(inputs),
    Privileged: inputs.privileged,
    PublishAllPorts: inputs.publishAllPorts,
    ReadonlyRootfs: inputs.readOnly,
    RestartPolicy: restartPolicy(inputs),
    Runtime: inputs.runtime,
    // The CLI's word for two settings, which the daemon does not know.
    SecurityOpt: securityOpts?.filter((option) => option !== "systempaths=unconfined"),
    ...(unconfined && { MaskedPaths: [], ReadonlyPaths: [] }),
    ShmSize: inputs.shmSize === undefined ? undefined : inputs.shmSize * MEGABYTE,
    StorageOpt: inputs.storageOpts,
    Sysctls: inputs.sysctls,
    Tmpfs: inputs.tmpfs,
    Ulimits: inputs.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    UsernsMode: inputs.usernsMode,
  };
}

export function restartPolicy({ restart, maxRetryCount }: ContainerInputs): HostConfig["RestartPolicy"] {
  return { Name: restart, MaximumRetryCount: maxRetryCount ?? 0 };
}

/** The limits, which an update can change as well. */
export function resourcesOf(inputs: ContainerInputs) {
  const rates = (list: ContainerInputs["deviceReadBps"]) =>
    list?.map(({ path, rate }) => ({ Path: path, Rate: rate })) ?? [];
  const { memorySwap } = inputs;
  return {
    Memory: (inputs.memory ?? 0) * MEGABYTE,
    MemoryReservation: (inputs.memoryReservation ?? 0) * MEGABYTE,
    ...(memorySwap !== undefined && { MemorySwap: memorySwap > 0 ? memorySwap * MEGABYTE : memorySwap }),
    CpuShares: inputs.cpuShares ?? 0,
    CpusetCpus: inputs.cpuSet ?? "",
    // `cpus` is the two in one.
    ...(inputs.cpus === undefined && { CpuPeriod: inputs.cpuPeriod ?? 0, CpuQuota: inputs.cpuQuota ?? 0 }),
    BlkioDeviceReadBps: rates(inputs.deviceReadBps),
    BlkioDeviceReadIOps: rates(inputs.deviceReadIops),
    BlkioDeviceWriteBps: rates(inputs.deviceWriteBps),
    BlkioDeviceWriteIOps: rates(inputs.deviceWriteIops),
  };
}

function portBindings({ ports = [] }: ContainerInputs) {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { internal, external, ip, protocol } of ports) {
    (bindings[`${internal}/${protocol}`] ??= []).push({ HostIp: ip, HostPort: external ? String(external) : "" });
  }
  return bindings;
}

/** `gpus` is docker run's short form: `all`, a number, or `device=<id>,<id>`. */
function deviceRequests({ gpus, deviceRequests: requests }: ContainerInputs) {
  if (gpus === undefined) {
    return requests?.map((request) => ({
      Driver: request.driver,
      Count: request.count,
      DeviceIDs: request.deviceIds,
      Capabilities: request.capabilities ? [request.capabilities] : undefined,
      Options: request.options,
    }));
  }
  const devices = /^device=(.+)$/.exec(gpus)?.[1]?.split(",");
  const count = gpus === "all" ? -1 : Number(gpus);
  return [{ Capabilities: [["gpu"]], ...(devices ? { DeviceIDs: devices } : { Count: count }) }];
}
