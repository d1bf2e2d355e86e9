/** `docker:index/image:Image`: built by the daemon from a local context and, unless told otherwise, pushed. */
import { access } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { asProperties, boolean, list, map, object, oneOf, resourceType, string } from "@automatos/provider-plugin";
import type {
  CheckFailure,
  Diff,
  DiffRequest,
  OperationContext,
  PropertyMap,
  PropertyValue,
  ResourceType,
  ValuesOf,
} from "@automatos/provider-plugin";
import { isMap, Secret } from "@automatos/provider-plugin";
import { buildImage } from "../build/build.ts";
import { dockerfileInContext, hashContext } from "../build/context.ts";
import type { Daemon } from "../daemon/daemon.ts";
import { imageNameProblem, parseImageName } from "../image-name.ts";
import { addressOf, hostOf } from "../registry/credentials.ts";
import type { AuthConfig, Credentials } from "../registry/credentials.ts";
import { pullImage, pushImage } from "../registry/push.ts";

const build = object({
  context: string(),
  dockerfile: string(),
  args: map(string()),
  target: string(),
  platform: string(),
  network: string(),
  addHosts: list(string()),
  cacheFrom: object({ images: list(string(), { required: true }) } as const),
  builderVersion: string({ validate: oneOf("BuilderV1", "BuilderBuildKit") }),
  /** Made by check, so that what changes in the folder is a change of the inputs. */
  contextDigest: string(),
} as const);

const inputs = {
  imageName: string({ required: true, validate: imageNameProblem }),
  build,
  buildOnPreview: boolean({ default: false }),
  registry: object({ server: string(), username: string(), password: string({ secret: true }) } as const),
  skipPush: boolean({ default: false }),
} as const;

type Inputs = ValuesOf<typeof inputs>;

export function imageType(daemon: Daemon, credentials: Credentials): ResourceType {
  return resourceType({
    inputs,
    outputs: ["baseImageName", "context", "dockerfile", "platform", "registryServer", "repoDigest"],
    updatedOutputs: ["repoDigest"],
    check: async ({ inputs }) => checkBuild(inputs),
    diff: ignoringCredentials,

    async plan(_inputs, inputs, context) {
      if (!inputs) return {};
      if (!inputs.buildOnPreview) return factsOf(inputs);
      return { ...factsOf(inputs), repoDigest: await buildOnly(daemon, credentials, inputs, context) };
    },
    async create(inputs, context) {
      return { id: inputs.imageName, outputs: await buildAndPush(daemon, credentials, inputs, context) };
    },
    update: (_id, inputs, _old, context) => buildAndPush(daemon, credentials, inputs, context),

    async read(id, { inputs, outputs }) {
      if (!inputs) throw new Error("an Image cannot be imported: an image does not say what it was built from");
      // A pushed image is the registry's; whether this daemon still has a copy means nothing.
      if (inputs.skipPush) {
        const found = await daemon.find(`inspect image ${id}`, (docker) => docker.getImage(inputs.imageName).inspect());
        if (!found) return undefined;
      }
      return { id, inputs: asProperties(inputs), outputs };
    },
    async delete() {
      // As with Pulumi's own provider, the image stays: in the registry and in the daemon.
    },
  });
}

async function buildAndPush(
  daemon: Daemon,
  credentials: Credentials,
  inputs: Inputs,
  context: OperationContext,
): Promise<PropertyMap> {
  const id = await buildOnly(daemon, credentials, inputs, context);
  if (inputs.skipPush) return { ...factsOf(inputs), repoDigest: id };
  const digest = await pushImage(daemon, inputs.imageName, await authOf(inputs, credentials), context);
  const { registry, repository } = parseImageName(inputs.imageName);
  return { ...factsOf(inputs), repoDigest: `${registry}/${repository}@${digest}` };
}

async function buildOnly(
  daemon: Daemon,
  credentials: Credentials,
  inputs: Inputs,
  context: OperationContext,
): Promise<string> {
  const { build } = inputs;
  const cacheFrom = build?.cacheFrom?.images ?? [];
  const needsAuth = cacheFrom.length > 0 || !inputs.skipPush;
  const auth = needsAuth ? await authOf(inputs, credentials) : undefined;
  for (const name of cacheFrom) {
    await pullImage(daemon, name, { auth, platform: build?.platform }, context).catch((error: unknown) =>
      // The first build has no cache yet.
      context.engine.log("info", `no cache from ${name}: ${String(error)}`, { urn: context.urn }),
    );
  }
  return buildImage(
    daemon,
    {
      context: { folder: build?.context ?? ".", dockerfile: build?.dockerfile ?? "Dockerfile" },
      name: inputs.imageName,
      options: {
        ...(build?.args && { buildargs: build.args }),
        ...(build?.target !== undefined && { target: build.target }),
        ...(build?.platform !== undefined && { platform: build.platform }),
        ...(build?.network !== undefined && { networkmode: build.network }),
      },
      cacheFrom,
      extraHosts: build?.addHosts ?? [],
      auths: auth ? [auth] : [],
      classic: build?.builderVersion === "BuilderV1",
    },
    context,
  );
}

async function authOf({ imageName, registry }: Inputs, credentials: Credentials): Promise<AuthConfig | undefined> {
  const host = registry?.server ? hostOf(registry.server) : parseImageName(imageName).registry;
  if (registry?.username && registry.password) {
    return { username: registry.username, password: registry.password, serveraddress: addressOf(host) };
  }
  return credentials.for(host);
}

/** Outputs that the inputs alone tell. */
function factsOf({ imageName, build, registry }: Inputs): PropertyMap {
  const folder = build?.context ?? ".";
  return {
    baseImageName: imageName,
    context: folder,
    dockerfile: dockerfileInContext({ folder, dockerfile: build?.dockerfile ?? "Dockerfile" }),
    platform: build?.platform ?? "",
    registryServer: registry?.server ?? "",
  };
}

/** Fills in what the build's defaults are, and the digest of the context. */
async function checkBuild(inputs: PropertyMap): Promise<{ inputs: PropertyMap; failures: CheckFailure[] }> {
  const given = inputs["build"] instanceof Secret ? inputs["build"].element : (inputs["build"] ?? {});
  if (!isMap(given)) return { inputs, failures: [] };
  const folder = given["context"] ?? ".";
  const dockerfile = given["dockerfile"] ?? (typeof folder === "string" ? join(folder, "Dockerfile") : undefined);
  const filled: Record<string, PropertyValue> = { ...given, context: folder };
  if (dockerfile !== undefined) filled["dockerfile"] = dockerfile;
  const failures = pushProblems(inputs);
  if (typeof folder === "string" && typeof dockerfile === "string") {
    const problem = await dockerfileProblem(folder, dockerfile);
    if (problem !== undefined) failures.push({ property: "build.dockerfile", reason: problem });
    else filled["contextDigest"] = await hashContext({ folder, dockerfile });
  }
  const checked = inputs["build"] instanceof Secret ? new Secret(filled) : filled;
  return { inputs: { ...inputs, build: checked }, failures };
}

async function dockerfileProblem(folder: string, dockerfile: string): Promise<string | undefined> {
  const isThere = (file: string): Promise<boolean> =>
    access(file).then(
      () => true,
      () => false,
    );
  if (!(await isThere(folder))) return `the build context ${folder} is not there (from ${process.cwd()})`;
  if (await isThere(dockerfile)) return undefined;
  const inFolder = join(folder, dockerfile);
  const hint =
    !isAbsolute(dockerfile) && (await isThere(inFolder)) ? `; it is relative to the project: ${inFolder}?` : "";
  return `there is no Dockerfile at ${dockerfile} (from ${process.cwd()})${hint}`;
}

/** What is pushed without a registry in its name would go to Docker Hub by accident. */
function pushProblems({ imageName, skipPush, registry }: PropertyMap): CheckFailure[] {
  if (typeof imageName !== "string" || skipPush !== false) return [];
  const server = isMap(registry) ? registry["server"] : undefined;
  if (server !== undefined || parseImageName(imageName).qualified) return [];
  const reason =
    `imageName ${JSON.stringify(imageName)} does not say to which registry it is pushed: ` +
    `write docker.io/${imageName} for Docker Hub, or set skipPush to true`;
  return [{ property: "imageName", reason }];
}

/** Who pushes is no part of the image. */
function ignoringCredentials(_request: DiffRequest, found: Diff): Diff {
  const detailedDiff = Object.fromEntries(
    Object.entries(found.detailedDiff ?? {}).filter(([path]) => !/^registry\.(username|password)$/.test(path)),
  );
  const touches = (key: string): boolean =>
    Object.keys(detailedDiff).some((path) => path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`));
  const diffs = (found.diffs ?? []).filter(touches);
  return { changes: diffs.length > 0, diffs, replaces: [], detailedDiff };
}
