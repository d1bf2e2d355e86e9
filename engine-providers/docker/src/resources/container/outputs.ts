/** From what the daemon says of a container to outputs, and to inputs where it differs from those. */
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";
import { given, labelList } from "../../labels.ts";
import { MEGABYTE } from "./create-options.ts";
import { durationText } from "./duration.ts";
import type { ContainerInputs } from "./inputs.ts";
import { networkDatasOf, networksAdvancedOf } from "./networks.ts";

/** Fields of the daemon's answer that its declared type leaves out. */
interface Undeclared {
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly Healthcheck?: {
    readonly Test?: readonly string[];
    readonly Interval?: number;
    readonly Timeout?: number;
    readonly StartPeriod?: number;
    readonly StartInterval?: number;
    readonly Retries?: number;
  };
}

/** What the daemon fills in, as outputs. */
export function outputsOf(info: ContainerInspectInfo, inputs: PropertyMap): PropertyMap {
  const { Config: config, HostConfig: host, State: state } = info;
  const undeclared = config as Undeclared;
  return {
    bridge: (info.NetworkSettings as { Bridge?: string }).Bridge ?? "",
    command: listOf(config.Cmd),
    entrypoints: listOf(config.Entrypoint),
    envs: inputs["envs"] ?? listOf(config.Env),
    hostname: config.Hostname,
    image: inputs["image"] ?? config.Image,
    init: host.Init ?? false,
    ipcMode: host.IpcMode ?? "",
    labels: inputs["labels"] ?? labelList(config.Labels),
    logDriver: host.LogConfig?.Type ?? "",
    networkDatas: networkDatasOf(info),
    // With the platform's system alone, as the daemon has it.
    platform: inputs["platform"] ?? info.Platform,
    runtime: host.Runtime ?? "",
    securityOpts: inputs["securityOpts"] ?? listOf(host.SecurityOpt as string[] | null),
    shmSize: Math.floor((host.ShmSize ?? 0) / MEGABYTE),
    stopSignal: undeclared.StopSignal ?? "",
    stopTimeout: undeclared.StopTimeout ?? 0,
    ...(inputs["healthcheck"] === undefined && undeclared.Healthcheck && { healthcheck: healthcheckOf(undeclared) }),
    ...(inputs["ports"] !== undefined && { ports: portsOf(info, inputs["ports"]) }),
    // A change that the next update sees, and starts it again.
    mustRun: inputs["mustRun"] !== false && !hasStopped(info, inputs),
    ...(!state.Running && { exitCode: state.ExitCode }),
  };
}

function listOf(value: string | readonly string[] | null | undefined): string[] {
  if (value === null || value === undefined) return [];
  return typeof value === "string" ? [value] : [...value];
}

function healthcheckOf({ Healthcheck: check }: Undeclared): PropertyMap {
  return {
    tests: [...(check?.Test ?? [])],
    interval: durationText(check?.Interval ?? 0),
    timeout: durationText(check?.Timeout ?? 0),
    startPeriod: durationText(check?.StartPeriod ?? 0),
    startInterval: durationText(check?.StartInterval ?? 0),
    retries: check?.Retries ?? 0,
  };
}

/** The ports of the inputs with what the daemon chose; of a container that does not run, as they are. */
function portsOf(info: ContainerInspectInfo, ports: PropertyValue): PropertyValue {
  const bound = info.NetworkSettings.Ports as ContainerInspectInfo["NetworkSettings"]["Ports"] | null;
  // The fields have seen to the type.
  return (ports as unknown as NonNullable<ContainerInputs["ports"]>).map((port) => {
    const bindings = bound?.[`${port.internal}/${port.protocol}`] as { HostIp: string; HostPort: string }[] | null;
    const binding = bindings?.find(({ HostIp }) => HostIp === port.ip) ?? bindings?.[0];
    const chosen = Number(binding?.HostPort ?? 0);
    const external = port.external === undefined || port.external === 0 ? chosen : port.external;
    return { ...port, external };
  });
}

/**
 * The inputs as the container is now. What cannot be changed on a container is left as it is known; what `docker update`,
 * `docker rename` and `docker stop` change is read.
 */
export function driftedInputs(info: ContainerInspectInfo, inputs: PropertyMap): PropertyMap {
  const { HostConfig: host } = info;
  const found: Record<string, PropertyValue | undefined> = {
    name: info.Name.replace(/^\//, ""),
    restart: isNothing(host.RestartPolicy?.Name) ? "no" : host.RestartPolicy?.Name,
    maxRetryCount: host.RestartPolicy?.MaximumRetryCount,
    memory: (host.Memory ?? 0) / MEGABYTE,
    memoryReservation: (host.MemoryReservation ?? 0) / MEGABYTE,
    cpuShares: host.CpuShares,
    cpuSet: host.CpusetCpus,
    ...(inputs["memorySwap"] !== undefined && { memorySwap: swapOf(host.MemorySwap ?? 0) }),
    ...(hasStopped(info, inputs) && { mustRun: false }),
  };
  const changed = Object.entries(found).filter(
    ([key, value]) => inputs[key] !== value && !(isNothing(inputs[key]) && isNothing(value)),
  );
  return { ...inputs, ...(Object.fromEntries(changed) as PropertyMap) };
}

/** Stopped, though the program wants it to run on. */
function hasStopped({ State: state }: ContainerInspectInfo, { start, mustRun, attach }: PropertyMap): boolean {
  return !state.Running && start !== false && mustRun !== false && attach !== true;
}

/** Zero and empty are how the daemon says that nothing is set. */
function isNothing(value: PropertyValue | undefined): boolean {
  return value === undefined || value === 0 || value === "";
}

function swapOf(bytes: number): number {
  return bytes > 0 ? bytes / MEGABYTE : bytes;
}

/** Inputs of a container that somebody else made: what differs from its image and from the defaults. */
export function importedInputs(info: ContainerInspectInfo, image: ImageInspectInfo | undefined): PropertyMap {
  const { Config: config, HostConfig: host } = info;
  const own = image?.Config;
  const unlike = (value: readonly string[], images: readonly string[] | null | undefined): readonly string[] =>
    JSON.stringify(value) === JSON.stringify(images ?? []) ? [] : value;
  const imageLabels = own?.Labels as Record<string, string> | null | undefined;
  const labels = Object.entries(config.Labels).filter(([key, value]) => imageLabels?.[key] !== value);
  const bindings = Object.entries((host.PortBindings ?? {}) as Record<string, { HostIp: string; HostPort: string }[]>);
  return driftedInputs(info, {
    image: config.Image,
    ...given({
      command: unlike(listOf(config.Cmd), listOf(own?.Cmd)),
      entrypoints: unlike(listOf(config.Entrypoint), listOf(own?.Entrypoint)),
      envs: config.Env.filter((env) => !listOf(own?.Env).includes(env)),
      workingDir: config.WorkingDir === own?.WorkingDir ? undefined : config.WorkingDir,
      user: config.User === own?.User ? undefined : config.User,
      labels: labelList(Object.fromEntries(labels)),
      ports: bindings.flatMap(([key, bound]) => {
        const [internal, protocol = "tcp"] = key.split("/");
        return bound.map(({ HostIp, HostPort }) => ({
          internal: Number(internal),
          external: Number(HostPort),
          ip: HostIp || "0.0.0.0",
          protocol,
        }));
      }),
      volumes: (host.Binds ?? []).map(volumeOf),
      networksAdvanced: networksAdvancedOf(info),
      privileged: host.Privileged,
    }),
    networkMode: host.NetworkMode === "default" ? "bridge" : (host.NetworkMode ?? "bridge"),
    rm: host.AutoRemove ?? false,
    readOnly: host.ReadonlyRootfs ?? false,
    tty: config.Tty,
    stdinOpen: config.OpenStdin,
    ...IMPORT_DEFAULTS,
  });
}

/** What a container does not say of itself. */
const IMPORT_DEFAULTS = {
  start: true,
  mustRun: true,
  wait: false,
  waitTimeout: 60,
  attach: false,
  logs: false,
  removeVolumes: true,
  containerReadRefreshTimeoutMilliseconds: 15_000,
};

function volumeOf(bind: string): PropertyMap {
  const [source = "", containerPath = "", mode = ""] = bind.split(":");
  const readOnly = mode.split(",").includes("ro");
  const from: PropertyMap = source.startsWith("/") ? { hostPath: source } : { volumeName: source };
  return { containerPath, ...from, ...(readOnly && { readOnly }) };
}
