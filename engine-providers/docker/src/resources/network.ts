import { setTimeout } from "node:timers/promises";
import { boolean, list, map, object, resourceType, string } from "@automatos/provider-plugin";
import type { PropertyMap, ResourceType } from "@automatos/provider-plugin";
import type { NetworkInspectInfo } from "dockerode";
import type { Daemon } from "../daemon/daemon.ts";
import { statusOf } from "../daemon/errors.ts";
import { given, labelList, labelMap, labelsField } from "../labels.ts";

/** How long a network that still has endpoints is waited for: containers are torn down after their removal is answered. */
const IN_USE_SECONDS = 30;

const replaces = { replaces: true } as const;

const ipamConfig = object({
  subnet: string(),
  ipRange: string(),
  gateway: string(),
  auxAddress: map(string()),
} as const);

interface DaemonIpamConfig {
  readonly Subnet?: string;
  readonly IPRange?: string;
  readonly Gateway?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** `docker:index/network:Network`. Nothing of a network can be changed, so every input replaces. */
export function networkType(daemon: Daemon): ResourceType {
  const inspect = (id: string): Promise<NetworkInspectInfo | undefined> =>
    daemon.find(`inspect network ${id}`, async (docker): Promise<NetworkInspectInfo> =>
      docker.getNetwork(id).inspect(),
    );
  return resourceType({
    autoNamed: true,
    inputs: {
      name: string({ required: true, replaces: true }),
      driver: string({ replaces: true, computed: true }),
      options: map(string(), { replaces: true, computed: true }),
      internal: boolean({ replaces: true, computed: true }),
      attachable: boolean(replaces),
      ingress: boolean(replaces),
      ipv6: boolean(replaces),
      ipamDriver: string({ replaces: true, default: "default" }),
      ipamOptions: map(string(), replaces),
      ipamConfigs: list(ipamConfig, { replaces: true, computed: true, unordered: true }),
      labels: labelsField,
    },
    outputs: ["driver", "internal", "ipamConfigs", "options", "scope"],

    async create(inputs) {
      const configs = inputs.ipamConfigs?.map((config) => ({
        Subnet: config.subnet,
        IPRange: config.ipRange,
        Gateway: config.gateway,
        AuxiliaryAddresses: config.auxAddress,
      }));
      const options = {
        Name: inputs.name,
        CheckDuplicate: true,
        Driver: inputs.driver,
        Options: inputs.options,
        Internal: inputs.internal,
        Attachable: inputs.attachable,
        Ingress: inputs.ingress,
        EnableIPv6: inputs.ipv6,
        Labels: labelMap(inputs.labels),
        IPAM: { Driver: inputs.ipamDriver, Options: inputs.ipamOptions, Config: configs },
      };
      // The declared types lack what is left out; the daemon takes JSON without it.
      const body = JSON.parse(JSON.stringify(options)) as { Name: string };
      const { id } = await daemon.ask(`create network ${inputs.name}`, (docker) => docker.createNetwork(body));
      const info = await inspect(id);
      if (!info) throw new Error(`network ${inputs.name} was removed while it was made; run the update again`);
      return { id, outputs: outputsOf(info) };
    },

    async read(id, { inputs }) {
      const info = await inspect(id);
      if (!info) return undefined;
      const outputs = { ...outputsOf(info), ...factsOf(info) };
      return {
        id: info.Id,
        // Nothing of it can have changed but that it is there.
        inputs: inputs ? (inputs as PropertyMap) : importedInputs(info),
        outputs: { ...(inputs as PropertyMap | undefined), ...outputs },
      };
    },

    async delete(id, _outputs, { signal }) {
      const deadline = Date.now() + IN_USE_SECONDS * 1_000;
      for (;;) {
        try {
          await daemon.find(`remove network ${id}`, (docker) => docker.getNetwork(id).remove());
          return;
        } catch (error) {
          const inUse = statusOf(error) === 403 && String(error).includes("active endpoints");
          if (!inUse || Date.now() > deadline) throw error;
          await setTimeout(250, undefined, { signal });
        }
      }
    },
  });
}

/** What the daemon fills in. */
function outputsOf(info: NetworkInspectInfo) {
  return {
    driver: info.Driver,
    scope: info.Scope,
    internal: info.Internal,
    options: info.Options ?? {},
    ipamConfigs: ipamConfigsOf(info),
  };
}

function factsOf(info: NetworkInspectInfo): PropertyMap {
  return {
    name: info.Name,
    labels: labelList(info.Labels),
    ipamDriver: info.IPAM?.Driver ?? "default",
    attachable: info.Attachable,
    ingress: info.Ingress,
    ipv6: info.EnableIPv6,
  };
}

export function ipamConfigsOf(info: NetworkInspectInfo): PropertyMap[] {
  const configs = (info.IPAM?.Config ?? []) as readonly DaemonIpamConfig[];
  return configs.map((config) =>
    given({
      subnet: config.Subnet,
      ipRange: config.IPRange,
      gateway: config.Gateway,
      auxAddress: config.AuxiliaryAddresses,
    }),
  );
}

function importedInputs(info: NetworkInspectInfo): PropertyMap {
  const { name, ...facts } = factsOf(info);
  return { name: name ?? "", ipamDriver: "default", ...given({ ...facts, ...outputsOf(info), scope: undefined }) };
}
