/**
 * Networks. What replaces: `ForceNew` in hashicorp/terraform-provider-google, services/compute, of August 2026; so in
 * the other files of this folder.
 */
import { asText, firstAddress, overlap } from "@automatos/provider-rehearsal";
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { compute, deletionPolicy, LOWER_NAME, permissions, toNetwork, toSubnetwork, words } from "../declare.ts";
import { lastPart, normalise } from "../names.ts";

const UPDATES_NETWORK = { create: "compute.networks.updatePolicy", delete: "compute.networks.updatePolicy" };
const NETWORK = "gcp:compute/network:Network";
const SUBNETWORK = "gcp:compute/subnetwork:Subnetwork";
const ROUTER = "gcp:compute/router:Router";

/** Ranges of one network are its own. */
function overlapping(making: Making): string | undefined {
  const network = making.of("network", "id");
  const mine = [...making.texts("ipCidrRange"), ...making.texts("secondaryIpRanges.ipCidrRange")];
  const id = subnetworkId(making);
  for (const other of making.cloud.ofType(SUBNETWORK)) {
    if (other.id === id || normalise(asText(other.outputs["network"])) !== network) continue;
    const theirs = asText(other.outputs["ipCidrRange"]);
    const clash = mine.find((range) => overlap(range, theirs));
    if (clash !== undefined)
      return `Invalid value for field 'resource.ipCidrRange': '${clash}'. It conflicts with existing subnetwork ${other.id}`;
  }
  return undefined;
}

function subnetworkId(making: Making): string {
  const { project = "", region = "" } = making.place;
  return `projects/${project}/regions/${region}/subnetworks/${making.text("name")}`;
}

export const networkModels: Readonly<Record<string, ResourceModel>> = {
  [NETWORK]: compute("global", "networks", {
    ...deletionPolicy,
    replaces: "autoCreateSubnetworks description internalIpv6Range networkProfile params",
    permissions: permissions("compute.networks", { create: "compute.globalOperations.get" }),
    defaults: {
      autoCreateSubnetworks: true,
      networkFirewallPolicyEnforcementOrder: "AFTER_CLASSIC_FIREWALL",
      routingMode: "REGIONAL",
      mtu: 1460,
    },
    quota: { limit: 15, name: "NETWORKS" },
    outputs: (making) => ({
      gatewayIpv4: "",
      numericId: `${10 ** 18 + making.below(10 ** 12)}`,
      networkId: `${10 ** 18 + making.below(10 ** 12)}`,
    }),
  }),
  [SUBNETWORK]: compute("region", "subnetworks", {
    ...deletionPolicy,
    replaces:
      "network description externalIpv6Prefix internalIpv6Prefix params reservedInternalRange resolveSubnetMask",
    permissions: permissions("compute.subnetworks", {
      ...UPDATES_NETWORK,
      update: "compute.subnetworks.setPrivateIpGoogleAccess",
    }),
    references: [toNetwork("network")],
    defaults: { purpose: "PRIVATE", stackType: "IPV4_ONLY", privateIpv6GoogleAccess: "DISABLE_GOOGLE_ACCESS" },
    refuse: overlapping,
    quota: { limit: 175, name: "SUBNETWORKS" },
    outputs: (making) => ({
      gatewayAddress: firstAddress(making.text("ipCidrRange")) ?? making.ip(),
      fingerprint: Buffer.from(making.hex(16)).toString("base64").slice(0, 12),
      subnetworkId: making.below(10 ** 12),
    }),
  }),
  [ROUTER]: compute("region", "routers", {
    ...deletionPolicy,
    replaces: "encryptedInterconnectRouter nccGateway network params",
    permissions: permissions("compute.routers", UPDATES_NETWORK),
    references: [toNetwork("network")],
    quota: { limit: 20, name: "ROUTERS" },
  }),
  "gcp:compute/routerNat:RouterNat": {
    ...deletionPolicy,
    autoName: LOWER_NAME,
    // No resource of its own in the API: a part of its router.
    replaces: words("name router endpointTypes initialNatIps region type project"),
    permissions: {
      create: words("compute.routers.get compute.routers.update"),
      read: ["compute.routers.get"],
      update: words("compute.routers.get compute.routers.update"),
      delete: words("compute.routers.get compute.routers.update"),
    },
    references: [
      { at: "router", to: ROUTER },
      { at: "natIps", to: "gcp:compute/address:Address" },
      toSubnetwork("subnetworks.name"),
    ],
    defaults: {
      icmpIdleTimeoutSec: 30,
      udpIdleTimeoutSec: 30,
      tcpEstablishedIdleTimeoutSec: 1200,
      tcpTransitoryIdleTimeoutSec: 30,
      tcpTimeWaitTimeoutSec: 120,
      enableEndpointIndependentMapping: false,
      type: "PUBLIC",
    },
    id: (making) => {
      const { project = "", region = "" } = making.place;
      return `${project}/${region}/${lastPart(making.text("router"))}/${making.text("name")}`;
    },
  },
  "gcp:compute/firewall:Firewall": compute("global", "firewalls", {
    ...deletionPolicy,
    replaces: "direction params",
    permissions: permissions("compute.firewalls", { ...UPDATES_NETWORK, update: "compute.networks.updatePolicy" }),
    references: [toNetwork("network")],
    defaults: { direction: "INGRESS", priority: 1000 },
    validate: (inputs) =>
      inputs["allows"] === undefined && inputs["denies"] === undefined
        ? [{ property: "", reason: "Missing required argument: one of `allows,denies` must be specified" }]
        : [],
    quota: { limit: 100, name: "FIREWALLS" },
  }),
  "gcp:compute/route:Route": compute("global", "routes", {
    ...deletionPolicy,
    replaces:
      "destRange network description nextHopGateway nextHopIlb nextHopInstance nextHopIp nextHopVpnTunnel params priority tags nextHopInstanceZone",
    permissions: permissions("compute.routes", UPDATES_NETWORK),
    references: [toNetwork("network")],
    defaults: { priority: 1000 },
  }),
  "gcp:compute/networkPeering:NetworkPeering": {
    ...deletionPolicy,
    autoName: LOWER_NAME,
    replaces: words("name network peerNetwork exportSubnetRoutesWithPublicIp importSubnetRoutesWithPublicIp"),
    permissions: {
      create: words("compute.networks.addPeering compute.networks.get"),
      read: ["compute.networks.get"],
      update: words("compute.networks.updatePeering compute.networks.get"),
      delete: words("compute.networks.removePeering compute.networks.get"),
    },
    // The peer's network may be another project's: it is looked up in this cloud only when it is here.
    references: [toNetwork("network")],
    defaults: {
      exportSubnetRoutesWithPublicIp: true,
      importSubnetRoutesWithPublicIp: false,
      stackType: "IPV4_ONLY",
      updateStrategy: "INDEPENDENT",
    },
    id: (making) => `${lastPart(making.text("network"))}/${making.text("name")}`,
    outputs: (making) => {
      const isMutual = making.cloud
        .ofType("gcp:compute/networkPeering:NetworkPeering")
        .some(({ outputs }) => normalise(asText(outputs["peerNetwork"])) === normalise(making.text("network")));
      return {
        state: isMutual ? "ACTIVE" : "INACTIVE",
        stateDetails: isMutual ? "Connected." : "Waiting for peer network to connect.",
      };
    },
  },
};
