import { boolean, list, object, providerTable, string, TableProvider } from "@automatos/provider-plugin";
import type { Fields } from "@automatos/provider-plugin";
import { Daemon } from "./daemon/daemon.ts";
import { getLogs } from "./functions/get-logs.ts";
import { getNetwork } from "./functions/get-network.ts";
import { getRegistryImage, getRegistryImageManifests, getRemoteImage } from "./functions/get-images.ts";
import { Credentials } from "./registry/credentials.ts";
import { Registry } from "./registry/registry.ts";
import { containerType } from "./resources/container/container.ts";
import { imageType } from "./resources/image.ts";
import { networkType } from "./resources/network.ts";
import { registryImageType } from "./resources/registry-image.ts";
import { remoteImageType } from "./resources/remote-image.ts";
import { tagType } from "./resources/tag.ts";
import { volumeType } from "./resources/volume.ts";

/** The version of @pulumi/docker whose classes these resources are for. */
const VERSION = "5.2.0";

const OF_SWARM =
  "It manages a swarm; this provider manages one daemon: use Container, or Pulumi's own docker provider.";

const config = {
  host: string(),
  caMaterial: string(),
  certMaterial: string(),
  keyMaterial: string({ secret: true }),
  certPath: string(),
  registryAuth: list(
    object({
      address: string({ required: true }),
      username: string(),
      password: string({ secret: true }),
      configFile: string(),
      configFileContent: string({ secret: true }),
      authDisabled: boolean(),
    } as const),
  ),
  /** The daemon is asked by the first operation that needs it, not before. */
  disableDockerDaemonCheck: boolean(),
  context: string({
    validate: () => "is not supported: the contexts are the docker command's own; set docker:host to where it leads",
  }),
  sshOpts: list(string(), {
    validate: () =>
      "is not supported: this provider does not speak ssh; forward the daemon's socket and set docker:host",
  }),
} as const satisfies Fields;

export function dockerProvider(): TableProvider {
  const daemon = new Daemon();
  const credentials = new Credentials();
  const registry = new Registry(credentials);
  const table = providerTable({
    version: VERSION,
    config,
    configure(values) {
      daemon.configure(values);
      credentials.configure(values.registryAuth ?? []);
    },
    resources: {
      "docker:index/container:Container": containerType(daemon),
      "docker:index/image:Image": imageType(daemon, credentials),
      "docker:index/network:Network": networkType(daemon),
      "docker:index/registryImage:RegistryImage": registryImageType(daemon, registry, credentials),
      "docker:index/remoteImage:RemoteImage": remoteImageType(daemon, credentials),
      "docker:index/tag:Tag": tagType(daemon),
      "docker:index/volume:Volume": volumeType(daemon),
    },
    functions: {
      "docker:index/getLogs:getLogs": getLogs(daemon),
      "docker:index/getNetwork:getNetwork": getNetwork(daemon),
      "docker:index/getRegistryImage:getRegistryImage": getRegistryImage(registry),
      "docker:index/getRegistryImageManifests:getRegistryImageManifests": getRegistryImageManifests(registry),
      "docker:index/getRemoteImage:getRemoteImage": getRemoteImage(daemon),
    },
    refused: {
      "docker:index/secret:Secret": OF_SWARM,
      "docker:index/service:Service": OF_SWARM,
      "docker:index/serviceConfig:ServiceConfig": OF_SWARM,
      "docker:index/plugin:Plugin":
        "Plugins of the daemon are installed with docker plugin install; or use Pulumi's own docker provider.",
      "docker:index/getPlugin:getPlugin": "Plugins of the daemon are not managed here.",
      "docker:index/buildxBuilder:BuildxBuilder":
        "It needs docker buildx, which this provider does without: Image builds with the daemon's own BuildKit.",
    },
  });
  return new TableProvider(table);
}
