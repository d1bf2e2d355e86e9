import { asProperties, boolean, map, object, resourceType, string } from "@automatos/provider-plugin";
import type { ResourceType } from "@automatos/provider-plugin";
import { buildBlock, buildFromBlock } from "../build/build-block.ts";
import type { Daemon } from "../daemon/daemon.ts";
import { imageNameProblem, parseImageName } from "../image-name.ts";
import { addressOf, hostOf } from "../registry/credentials.ts";
import type { AuthConfig, Credentials } from "../registry/credentials.ts";
import { pushImage } from "../registry/push.ts";
import type { Registry } from "../registry/registry.ts";

interface Authorized {
  readonly authConfig?:
    | { readonly address: string; readonly username?: string | undefined; readonly password?: string | undefined }
    | undefined;
}

/** `docker:index/registryImage:RegistryImage`: an image in a registry, pushed from the daemon. */
export function registryImageType(daemon: Daemon, registry: Registry, credentials: Credentials): ResourceType {
  return resourceType({
    inputs: {
      name: string({ required: true, replaces: true, validate: imageNameProblem }),
      build: buildBlock,
      authConfig: object({
        address: string({ required: true }),
        username: string(),
        password: string({ secret: true }),
      } as const),
      insecureSkipVerify: boolean(),
      keepRemotely: boolean(),
      triggers: map(string(), { replaces: true }),
    },
    outputs: ["sha256Digest"],

    async create(inputs, context) {
      const { name, build } = inputs;
      if (build) await buildFromBlock(daemon, name, build, context);
      const auth = authOf(inputs) ?? (await credentials.for(parseImageName(name).registry));
      const digest = await pushImage(daemon, name, auth, context);
      return { id: digest, outputs: { sha256Digest: digest } };
    },

    // What can change without another image says only how the registry is asked.
    update: async () => ({}),

    async read(id, { inputs }, { signal }) {
      if (!inputs) throw new Error("a RegistryImage cannot be imported: a digest does not say which image it is of");
      const { name, insecureSkipVerify } = inputs;
      const manifest = await registry.manifest(name, { insecureSkipVerify, auth: authOf(inputs), signal });
      if (!manifest) return undefined;
      const read = asProperties(inputs);
      return { id, inputs: read, outputs: { ...read, sha256Digest: manifest.digest } };
    },

    async delete(_id, outputs, { signal }) {
      const { name, sha256Digest: digest, keepRemotely, insecureSkipVerify } = outputs;
      if (keepRemotely === true || typeof name !== "string" || typeof digest !== "string") return;
      const auth = authOf(outputs);
      await registry.remove(name, digest, { insecureSkipVerify: insecureSkipVerify === true, auth, signal });
    },
  });
}

function authOf({ authConfig }: Authorized): AuthConfig | undefined {
  if (!authConfig?.username || !authConfig.password) return undefined;
  const { address, username, password } = authConfig;
  return { username, password, serveraddress: addressOf(hostOf(address)) };
}
