import type { ContainerInspectInfo } from "dockerode";
import type { PropertyMap } from "@automatos/provider-plugin";
import type { Daemon } from "../../daemon/daemon.ts";
import { reasonOf } from "../../daemon/errors.ts";
import { given } from "../../labels.ts";
import type { ContainerInputs } from "./inputs.ts";

type Network = NonNullable<ContainerInputs["networksAdvanced"]>[number];

/** Networks that every daemon has, or that are none. */
const BUILT_IN = new Set(["bridge", "host", "none", "nat"]);

/** Before the container starts: the named networks in place of the default one. */
export async function joinNetworks(daemon: Daemon, id: string, networks: readonly Network[]): Promise<void> {
  if (networks.length === 0) return;
  await daemon.ask("leave the default network", async (docker) => {
    try {
      await docker.getNetwork("bridge").disconnect({ Container: id, Force: false });
    } catch (error) {
      // Where there is no such network, or the container is not in it.
      if (!/is not connected to|not found/.test(reasonOf(error))) throw error;
    }
  });
  for (const network of networks) {
    const endpoint = {
      Aliases: network.aliases,
      IPAMConfig: {
        IPv4Address: network.ipv4Address,
        IPv6Address: network.ipv6Address,
        LinkLocalIPs: network.linkLocalIps,
      },
      MacAddress: network.macAddress,
      GwPriority: network.gwPriority,
      DriverOpts: network.driverOpts && Object.fromEntries(network.driverOpts.map(keyAndValue)),
    };
    const body = JSON.parse(JSON.stringify({ Container: id, EndpointConfig: endpoint })) as { Container: string };
    await daemon.ask(`join network ${network.name}`, (docker) => docker.getNetwork(network.name).connect(body));
  }
}

function keyAndValue(option: string): [string, string] {
  const equals = option.indexOf("=");
  return equals < 0 ? [option, ""] : [option.slice(0, equals), option.slice(equals + 1)];
}

type Endpoints = ContainerInspectInfo["NetworkSettings"]["Networks"];

export function networkDatasOf(info: ContainerInspectInfo): PropertyMap[] {
  return Object.entries((info.NetworkSettings.Networks as Endpoints | null) ?? {}).map(([networkName, endpoint]) => ({
    networkName,
    ipAddress: endpoint.IPAddress,
    ipPrefixLength: endpoint.IPPrefixLen,
    gateway: endpoint.Gateway,
    globalIpv6Address: endpoint.GlobalIPv6Address,
    globalIpv6PrefixLength: endpoint.GlobalIPv6PrefixLen,
    ipv6Gateway: endpoint.IPv6Gateway,
    macAddress: endpoint.MacAddress,
  }));
}

/** As inputs, for an import: networks that somebody made, without what the daemon adds of itself. */
export function networksAdvancedOf(info: ContainerInspectInfo): PropertyMap[] {
  return Object.entries((info.NetworkSettings.Networks as Endpoints | null) ?? {})
    .filter(([name]) => !BUILT_IN.has(name))
    .map(([name, endpoint]) => {
      const aliases = ((endpoint.Aliases as string[] | null) ?? []).filter((alias) => !info.Id.startsWith(alias));
      const ipam = endpoint.IPAMConfig as { IPv4Address?: string; IPv6Address?: string } | null;
      return { name, ...given({ aliases, ipv4Address: ipam?.IPv4Address, ipv6Address: ipam?.IPv6Address }) };
    });
}
