/**
 * The inputs of a Container. Which of them replace is as terraform-provider-docker has it, on which @pulumi/docker rests,
 * but for healthcheck, init and tmpfs: the daemon cannot change them on a container, and that provider then changes its
 * state alone; here they replace.
 */
import { between, boolean, integer, list, map, object, oneOf, string } from "@automatos/provider-plugin";
import type { ValuesOf } from "@automatos/provider-plugin";
import { imageNameProblem } from "../../image-name.ts";
import { labelsField } from "../../labels.ts";
import { durationProblem, nanoseconds } from "./duration.ts";

const replaces = { replaces: true } as const;
const computed = { replaces: true, computed: true } as const;
const required = { required: true } as const;
const strings = list(string(), replaces);
const stringSet = list(string(), { replaces: true, unordered: true });

const duration = string({
  default: "0s",
  validate: durationProblem,
  equal: (a, b) => nanoseconds(a) === nanoseconds(b),
});

const rates = list(
  object({ path: string(required), rate: integer({ required: true, validate: between(0) }) } as const),
  {
    unordered: true,
  },
);

const mount = object({
  type: string({ required: true, validate: oneOf("bind", "volume", "tmpfs") }),
  target: string(required),
  source: string(),
  readOnly: boolean(),
  bindOptions: object({
    propagation: string({ validate: oneOf("private", "rprivate", "shared", "rshared", "slave", "rslave") }),
  } as const),
  volumeOptions: object({
    noCopy: boolean(),
    labels: labelsField,
    driverName: string(),
    driverOptions: map(string()),
    subpath: string(),
  } as const),
  tmpfsOptions: object({ mode: integer(), sizeBytes: integer() } as const),
} as const);

const volume = object({
  containerPath: string(),
  hostPath: string(),
  volumeName: string(),
  fromContainer: string(),
  readOnly: boolean(),
  selinuxRelabel: string({ validate: oneOf("z", "Z") }),
} as const);

const port = object({
  internal: integer({ required: true, validate: between(1, 65_535) }),
  /** The daemon chooses one where none is given. */
  external: integer({ validate: between(0, 65_535), computed: true }),
  ip: string({ default: "0.0.0.0" }),
  protocol: string({ default: "tcp", validate: oneOf("tcp", "udp", "sctp") }),
} as const);

const network = object({
  name: string(required),
  aliases: stringSet,
  ipv4Address: string(),
  ipv6Address: string(),
  linkLocalIps: stringSet,
  macAddress: string(),
  driverOpts: stringSet,
  gwPriority: integer(),
} as const);

const upload = object({
  file: string(required),
  content: string(),
  contentBase64: string(),
  source: string(),
  /** A change uploads again, when it is the source that changed. */
  sourceHash: string(),
  executable: boolean({ default: false }),
  permissions: string({
    validate: (value) => (/^[0-7]{3,4}$/.test(value) ? undefined : `is ${value}, not octal like 0644`),
  }),
} as const);

const healthcheck = object(
  {
    tests: list(string()),
    interval: duration,
    timeout: duration,
    startPeriod: duration,
    startInterval: duration,
    retries: integer({ default: 0, validate: between(0) }),
  } as const,
  replaces,
);

const megabytes = integer({ validate: between(0) });

export const containerInputs = {
  name: string({ required: true, replaces: true }),
  image: string({ required: true, replaces: true, validate: imageNameProblem }),
  command: list(string(), computed),
  entrypoints: list(string(), computed),
  envs: list(string(), { ...computed, unordered: true }),
  workingDir: string(replaces),
  user: string(replaces),
  hostname: string(computed),
  domainname: string(replaces),
  hosts: list(object({ host: string(required), ip: string(required) } as const), { replaces: true, unordered: true }),
  labels: labelsField,
  platform: string(computed),
  runtime: string(computed),

  start: boolean({ default: true }),
  mustRun: boolean({ default: true }),
  wait: boolean({ default: false }),
  waitTimeout: integer({ default: 60, validate: between(1) }),
  attach: boolean({ default: false }),
  logs: boolean({ default: false }),
  rm: boolean({ default: false }),
  restart: string({ default: "no", validate: oneOf("no", "on-failure", "always", "unless-stopped") }),
  maxRetryCount: integer({ validate: between(0) }),
  healthcheck,
  init: boolean(computed),
  stopSignal: string(computed),
  stopTimeout: integer({ ...computed, validate: between(0) }),
  destroyGraceSeconds: integer({ validate: between(0) }),
  removeVolumes: boolean({ default: true }),
  containerReadRefreshTimeoutMilliseconds: integer({ default: 15_000, validate: between(0) }),

  ports: list(port, replaces),
  publishAllPorts: boolean(replaces),
  networkMode: string({ replaces: true, default: "bridge" }),
  networksAdvanced: list(network, { replaces: true, unordered: true }),
  dns: stringSet,
  dnsOpts: stringSet,
  dnsSearches: stringSet,

  volumes: list(volume, { replaces: true, unordered: true }),
  mounts: list(mount, { replaces: true, unordered: true }),
  tmpfs: map(string(), replaces),
  uploads: list(upload, { replaces: true, unordered: true }),
  readOnly: boolean({ replaces: true, default: false }),
  storageOpts: map(string(), replaces),

  capabilities: object({ adds: stringSet, drops: stringSet } as const, replaces),
  privileged: boolean(replaces),
  securityOpts: list(string(), { ...computed, unordered: true }),
  groupAdds: stringSet,
  usernsMode: string(replaces),
  pidMode: string(replaces),
  ipcMode: string(computed),
  cgroupnsMode: string({ replaces: true, validate: oneOf("private", "host") }),
  cgroupParent: string(replaces),
  sysctls: map(string(), replaces),
  ulimits: list(object({ name: string(required), soft: integer(required), hard: integer(required) } as const), {
    replaces: true,
    unordered: true,
  }),
  devices: list(
    object({ hostPath: string(required), containerPath: string(), permissions: string({ default: "rwm" }) } as const),
    { replaces: true, unordered: true },
  ),
  deviceRequests: list(
    object({
      driver: string({ default: "cdi" }),
      count: integer({ default: 0 }),
      deviceIds: strings,
      capabilities: strings,
      options: map(string()),
    } as const),
    { replaces: true, unordered: true },
  ),
  gpus: string(replaces),

  memory: megabytes,
  memoryReservation: megabytes,
  /** Memory and swap together; -1: no limit. */
  memorySwap: integer({ validate: between(-1) }),
  shmSize: integer({ ...computed, validate: between(0) }),
  cpus: string({
    replaces: true,
    validate: (value) => (Number(value) >= 0 ? undefined : `is ${JSON.stringify(value)}, not a number of processors`),
  }),
  cpuShares: integer({ validate: between(0) }),
  cpuSet: string({
    validate: (value) => (/^\d+([,-]\d+)*$/.test(value) ? undefined : `is ${JSON.stringify(value)}, not like 0-2,4`),
  }),
  cpuPeriod: integer({ validate: between(0) }),
  cpuQuota: integer(),
  deviceReadBps: rates,
  deviceReadIops: rates,
  deviceWriteBps: rates,
  deviceWriteIops: rates,

  logDriver: string(computed),
  logOpts: map(string(), replaces),
  tty: boolean({ replaces: true, default: false }),
  stdinOpen: boolean({ replaces: true, default: false }),
} as const;

export type ContainerInputs = ValuesOf<typeof containerInputs>;

/** What the daemon fills in, and what is only known of a container that is there. */
export const CONTAINER_OUTPUTS = [
  "bridge",
  "command",
  "containerLogs",
  "entrypoints",
  "envs",
  "exitCode",
  "healthcheck",
  "hostname",
  "init",
  "ipcMode",
  "labels",
  "logDriver",
  "networkDatas",
  "platform",
  "runtime",
  "securityOpts",
  "shmSize",
  "stopSignal",
  "stopTimeout",
] as const;
