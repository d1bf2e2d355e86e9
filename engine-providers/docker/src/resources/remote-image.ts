import { asProperties, boolean, list, map, resourceType, string } from "@automatos/provider-plugin";
import type { PropertyMap, ResourceType } from "@automatos/provider-plugin";
import type { ImageInspectInfo } from "dockerode";
import { buildBlock, buildFromBlock } from "../build/build-block.ts";
import type { Daemon } from "../daemon/daemon.ts";
import { statusOf } from "../daemon/errors.ts";
import { digestOf, imageNameProblem, parseImageName } from "../image-name.ts";
import type { Credentials } from "../registry/credentials.ts";
import { pullImage } from "../registry/push.ts";

/** `docker:index/remoteImage:RemoteImage`: an image that the daemon has, pulled or built. */
export function remoteImageType(daemon: Daemon, credentials: Credentials): ResourceType {
  const inspect = (name: string): Promise<ImageInspectInfo | undefined> =>
    daemon.find(`inspect image ${name}`, (docker) => docker.getImage(name).inspect());
  return resourceType({
    inputs: {
      name: string({ required: true, replaces: true, validate: imageNameProblem }),
      build: buildBlock,
      keepLocally: boolean(),
      forceRemove: boolean(),
      platform: string({ replaces: true }),
      /** A change pulls again. */
      pullTriggers: list(string(), { replaces: true, unordered: true }),
      triggers: map(string(), { replaces: true }),
    },
    outputs: ["imageId", "repoDigest"],

    async create({ name, build, platform }, context) {
      if (build) await buildFromBlock(daemon, name, build, context);
      else if (!(await inspect(name))) {
        const auth = await credentials.for(parseImageName(name).registry);
        await pullImage(daemon, name, { auth, platform }, context);
      }
      const info = await daemon.ask(`inspect image ${name}`, (docker) => docker.getImage(name).inspect());
      return { id: info.Id + name, outputs: outputsOf(name, info) };
    },

    // What can change without another image says only how it is removed.
    update: async () => ({}),

    async read(id, { inputs }) {
      const name = inputs?.name ?? /^sha256:[0-9a-f]{64}(.+)$/.exec(id)?.[1] ?? id;
      const info = await inspect(name);
      if (!info) return undefined;
      const read = inputs ? asProperties(inputs) : { name };
      return { id: info.Id + name, inputs: read, outputs: { ...read, ...outputsOf(name, info) } };
    },

    async delete(_id, { name, keepLocally, forceRemove }) {
      if (keepLocally === true || typeof name !== "string") return;
      try {
        await daemon.find(`remove image ${name}`, (docker) =>
          docker.getImage(name).remove({ force: forceRemove === true }),
        );
      } catch (error) {
        if (statusOf(error) !== 409) throw error;
        throw new Error(
          `${String(error)}. Remove what uses it, or set keepLocally (the image stays) or forceRemove on the resource`,
          { cause: error },
        );
      }
    },
  });
}

function outputsOf(name: string, info: ImageInspectInfo): PropertyMap {
  // Null where an image was never pulled or pushed, which the declared type does not say.
  const digests = (info.RepoDigests as string[] | null) ?? [];
  const isId = name.startsWith("sha256:");
  return { imageId: info.Id, repoDigest: (isId ? undefined : digestOf(name, digests)) ?? "" };
}
