import { functionType, string } from "@automatos/provider-plugin";
import type { FunctionType } from "@automatos/provider-plugin";
import type { NetworkInspectInfo } from "dockerode";
import type { Daemon } from "../daemon/daemon.ts";
import { ipamConfigsOf } from "../resources/network.ts";

/** `docker:index/getNetwork:getNetwork`, by name or id. */
export function getNetwork(daemon: Daemon): FunctionType {
  return functionType({
    inputs: { name: string({ required: true }) },
    async invoke({ name }) {
      const info = await daemon.ask(`find network ${name}`, async (docker): Promise<NetworkInspectInfo> =>
        docker.getNetwork(name).inspect(),
      );
      return {
        id: info.Id,
        name,
        driver: info.Driver,
        scope: info.Scope,
        internal: info.Internal,
        options: info.Options ?? {},
        ipamConfigs: ipamConfigsOf(info),
        containers: Object.entries(info.Containers ?? {}).map(([containerId, endpoint]) => ({
          containerId,
          name: endpoint.Name,
          endpointId: endpoint.EndpointID,
          macAddress: endpoint.MacAddress,
          ipv4Address: endpoint.IPv4Address,
          ipv6Address: endpoint.IPv6Address,
        })),
      };
    },
  });
}
