/** The `build` block of RemoteImage and RegistryImage. */
import { boolean, integer, list, map, object, string } from "@automatos/provider-plugin";
import type { OperationContext, ValuesOf } from "@automatos/provider-plugin";
import { join } from "node:path";
import type { Daemon } from "../daemon/daemon.ts";
import { addressOf, hostOf } from "../registry/credentials.ts";
import { buildImage } from "./build.ts";

/** What only the buildx command can do; the daemon's API has no word for it. */
const ofBuildx = { validate: () => "needs docker buildx, which this provider does without; leave it out" } as const;

const authConfig = object({
  hostName: string({ required: true }),
  userName: string(),
  password: string({ secret: true }),
  identityToken: string({ secret: true }),
  auth: string({ secret: true }),
  email: string(),
  registryToken: string({ secret: true }),
  serverAddress: string(),
} as const);

const ulimit = object({
  name: string({ required: true }),
  soft: integer({ required: true }),
  hard: integer({ required: true }),
} as const);

const fields = {
  context: string({ required: true }),
  dockerfile: string({ default: "Dockerfile" }),
  buildArgs: map(string()),
  labels: map(string()),
  label: map(string()),
  target: string(),
  platform: string(),
  networkMode: string(),
  extraHosts: list(string()),
  cacheFroms: list(string()),
  noCache: boolean(),
  pullParent: boolean(),
  remove: boolean({ default: true }),
  forceRemove: boolean(),
  squash: boolean(),
  suppressOutput: boolean(),
  memory: integer(),
  memorySwap: integer(),
  cpuShares: integer(),
  cpuPeriod: integer(),
  cpuQuota: integer(),
  cpuSetCpus: string(),
  cpuSetMems: string(),
  cgroupParent: string(),
  shmSize: integer(),
  isolation: string(),
  securityOpts: list(string()),
  ulimits: list(ulimit),
  authConfigs: list(authConfig),
  tags: list(string()),
  version: string(),
  useLegacyBuilder: boolean(),
  additionalContexts: list(string(), ofBuildx),
  builder: string(ofBuildx),
  buildId: string(),
  buildLogFile: string(ofBuildx),
  cacheTos: list(string(), ofBuildx),
  provenance: string(ofBuildx),
  remoteContext: string({ validate: () => "is not supported; build from a local context" }),
  sbom: string(ofBuildx),
  secrets: list(object({ id: string(), env: string(), src: string() } as const), ofBuildx),
  sessionId: string(ofBuildx),
} as const;

export const buildBlock = object(fields, { replaces: true });

/** @returns The image's id. */
export async function buildFromBlock(
  daemon: Daemon,
  name: string,
  build: ValuesOf<typeof fields>,
  context: OperationContext,
): Promise<string> {
  // The declared options lack some of the API's: cgroupparent, ulimits, ...
  const options: Record<string, unknown> = {
    buildargs: build.buildArgs,
    target: build.target,
    platform: build.platform,
    networkmode: build.networkMode,
    nocache: build.noCache,
    pull: build.pullParent,
    rm: build.remove,
    forcerm: build.forceRemove,
    squash: build.squash,
    q: build.suppressOutput,
    memory: build.memory,
    memswap: build.memorySwap,
    cpushares: build.cpuShares,
    cpuperiod: build.cpuPeriod,
    cpuquota: build.cpuQuota,
    cpusetcpus: build.cpuSetCpus,
    cpusetmems: build.cpuSetMems,
    cgroupparent: build.cgroupParent,
    shmsize: build.shmSize,
    isolation: build.isolation,
    ...(build.securityOpts && { securityopt: JSON.stringify(build.securityOpts) }),
    ...(build.ulimits && {
      ulimits: JSON.stringify(build.ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard }))),
    }),
  };
  const auths = (build.authConfigs ?? []).map((auth) => ({
    serveraddress: addressOf(hostOf(auth.serverAddress ?? auth.hostName)),
    ...(auth.userName !== undefined && { username: auth.userName }),
    ...(auth.password !== undefined && { password: auth.password }),
    ...(auth.identityToken !== undefined && { identitytoken: auth.identityToken }),
  }));
  const id = await buildImage(
    daemon,
    {
      context: { folder: build.context, dockerfile: join(build.context, build.dockerfile) },
      name,
      options: Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
      cacheFrom: build.cacheFroms ?? [],
      extraHosts: build.extraHosts ?? [],
      labels: { ...build.label, ...build.labels },
      auths,
      classic: build.useLegacyBuilder === true || build.version === "1",
    },
    context,
  );
  for (const tag of build.tags ?? []) {
    const colon = tag.lastIndexOf(":");
    const [repo, version] =
      colon > tag.lastIndexOf("/") ? [tag.slice(0, colon), tag.slice(colon + 1)] : [tag, "latest"];
    await daemon.ask(`tag ${name} as ${tag}`, (docker) => docker.getImage(id).tag({ repo, tag: version }));
  }
  return id;
}
