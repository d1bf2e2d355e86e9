/** Images, looked up: in the daemon and in registries. */
import { boolean, functionType, object, string } from "@automatos/provider-plugin";
import type { FunctionType } from "@automatos/provider-plugin";
import type { Daemon } from "../daemon/daemon.ts";
import { digestOf } from "../image-name.ts";
import { addressOf, hostOf } from "../registry/credentials.ts";
import type { Manifest, Registry } from "../registry/registry.ts";

/** `docker:index/getRemoteImage:getRemoteImage`: an image that the daemon has. */
export function getRemoteImage(daemon: Daemon): FunctionType {
  return functionType({
    inputs: { name: string({ required: true }) },
    async invoke({ name }) {
      const info = await daemon.ask(`find image ${name}`, (docker) => docker.getImage(name).inspect());
      const digests = (info.RepoDigests as string[] | null) ?? [];
      return {
        id: info.Id,
        name,
        repoDigest: (name.startsWith("sha256:") ? undefined : digestOf(name, digests)) ?? "",
      };
    },
  });
}

/** `docker:index/getRegistryImage:getRegistryImage`: which digest a name has in its registry now. */
export function getRegistryImage(registry: Registry): FunctionType {
  return functionType({
    inputs: { name: string({ required: true }), insecureSkipVerify: boolean() },
    async invoke({ name, insecureSkipVerify }, signal) {
      const { digest } = present(name, await registry.manifest(name, { insecureSkipVerify, signal }));
      return {
        id: digest,
        name,
        sha256Digest: digest,
        ...(insecureSkipVerify !== undefined && { insecureSkipVerify }),
      };
    },
  });
}

/** `docker:index/getRegistryImageManifests:getRegistryImageManifests`: one manifest for each platform. */
export function getRegistryImageManifests(registry: Registry): FunctionType {
  return functionType({
    inputs: {
      name: string({ required: true }),
      insecureSkipVerify: boolean(),
      authConfig: object({
        address: string({ required: true }),
        username: string({ required: true }),
        password: string({ required: true, secret: true }),
      } as const),
    },
    async invoke({ name, insecureSkipVerify, authConfig }, signal) {
      const auth = authConfig && {
        username: authConfig.username,
        password: authConfig.password,
        serveraddress: addressOf(hostOf(authConfig.address)),
      };
      const { digest, content } = present(name, await registry.manifest(name, { insecureSkipVerify, auth, signal }));
      return {
        id: digest,
        name,
        ...(authConfig && { authConfig: { ...authConfig } }),
        ...(insecureSkipVerify !== undefined && { insecureSkipVerify }),
        manifests: (content.manifests ?? []).map((manifest) => ({
          sha256Digest: manifest.digest,
          mediaType: manifest.mediaType,
          architecture: manifest.platform?.architecture ?? "",
          os: manifest.platform?.os ?? "",
        })),
      };
    },
  });
}

function present(name: string, manifest: Manifest | undefined): Manifest {
  if (!manifest) throw new Error(`the registry has no image ${name}; push it first, or mend the name`);
  return manifest;
}
