/** Addresses, private service access, Private Service Connect. Sources as in network.ts. */
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { compute, deletionPolicy, LOWER_NAME, permissions, toNetwork, toSubnetwork, words } from "../declare.ts";
import { lastPart } from "../names.ts";

const ADDRESS = "gcp:compute/address:Address";
const GLOBAL_ADDRESS = "gcp:compute/globalAddress:GlobalAddress";
const FORWARDING_RULE = "gcp:compute/forwardingRule:ForwardingRule";
const FORWARDING_REPLACES =
  "ipAddress ipProtocol description ipVersion network networkTier noAutomateDnsZone portRange serviceDirectoryRegistrations sourceIpRanges subnetwork";

const fingerprint = (making: Making) => ({ labelFingerprint: Buffer.from(making.hex(8)).toString("base64") });

export const addressModels: Readonly<Record<string, ResourceModel>> = {
  [ADDRESS]: compute("region", "addresses", {
    ...deletionPolicy,
    replaces:
      "address addressType description ipCollection ipVersion ipv6EndpointType network networkTier prefixLength purpose subnetwork",
    permissions: permissions("compute.addresses", {
      create: "compute.addresses.setLabels",
      update: "compute.addresses.setLabels",
    }),
    references: [toNetwork("network"), toSubnetwork("subnetwork")],
    defaults: (inputs) => ({
      addressType: "EXTERNAL",
      ...(inputs["addressType"] === "INTERNAL" ? { purpose: "GCE_ENDPOINT" } : { networkTier: "PREMIUM" }),
    }),
    quota: { limit: 8, name: "STATIC_ADDRESSES" },
    handles: (making) => [making.ip()],
    outputs: (making) => ({
      address: making.text("address") || making.ip(),
      addressId: making.below(10 ** 12),
      users: [],
      ...fingerprint(making),
    }),
  }),
  [GLOBAL_ADDRESS]: compute("global", "addresses", {
    ...deletionPolicy,
    replaces: "address addressType description ipVersion network prefixLength purpose",
    permissions: permissions("compute.globalAddresses", {
      create: "compute.globalAddresses.setLabels",
      update: "compute.globalAddresses.setLabels",
    }),
    references: [toNetwork("network")],
    defaults: { addressType: "EXTERNAL" },
    quota: { limit: 8, name: "GLOBAL_STATIC_ADDRESSES" },
    outputs: (making) => ({ address: making.text("address") || making.ip(), ...fingerprint(making) }),
  }),
  "gcp:servicenetworking/connection:Connection": {
    ...deletionPolicy,
    replaces: ["network", "service"],
    permissions: {
      create: words(
        "servicenetworking.services.addPeering compute.networks.addPeering compute.networks.get compute.globalAddresses.get",
      ),
      read: words("servicenetworking.services.get compute.networks.get"),
      update: words("servicenetworking.services.addPeering compute.networks.updatePeering"),
      delete: words("servicenetworking.services.deleteConnection compute.networks.removePeering"),
    },
    references: [toNetwork("network"), { at: "reservedPeeringRanges", to: GLOBAL_ADDRESS }],
    id: (making) =>
      `${encodeURIComponent(making.of("network", "id") || making.text("network"))}:${making.text("service")}`,
    // Google keeps a connection while a producer's instance uses it.
    refuseRemoval: (removal) => {
      const refused = deletionPolicy.refuseRemoval?.(removal);
      const [network = ""] = removal.id.split(":").map(decodeURIComponent);
      const users = removal.cloud
        .ofType("gcp:sql/databaseInstance:DatabaseInstance")
        .filter(({ outputs }) => JSON.stringify(outputs["settings"] ?? null).includes(lastPart(network)));
      if (refused !== undefined || users.length === 0) return refused;
      const names = users.map(({ id }) => id).join(", ");
      return `Failed to delete connection; Producer services (e.g. CloudSQL, Cloud Memstore, etc.) are still using this connection: ${names}`;
    },
    outputs: () => ({ peering: "servicenetworking-googleapis-com" }),
  },
  [FORWARDING_RULE]: compute("region", "forwardingRules", {
    ...deletionPolicy,
    replaces: `${FORWARDING_REPLACES} allPorts backendService ipCollection isMirroringCollector loadBalancingScheme ports serviceLabel`,
    permissions: permissions("compute.forwardingRules", {
      create:
        "compute.forwardingRules.setLabels compute.addresses.use compute.subnetworks.use compute.forwardingRules.pscCreate",
      update: "compute.forwardingRules.setLabels",
      delete: "compute.forwardingRules.pscDelete",
    }),
    references: [
      toNetwork("network"),
      toSubnetwork("subnetwork"),
      { at: "ipAddress", to: [ADDRESS, GLOBAL_ADDRESS], isBuiltIn: (value) => /^[\d.:a-f]+$/.test(value) },
    ],
    defaults: { ipProtocol: "TCP", networkTier: "PREMIUM" },
    outputs: (making) => ({
      ipAddress: making.of("ipAddress", "address") || making.text("ipAddress") || making.ip(),
      forwardingRuleId: making.below(10 ** 12),
      ...(making.text("target").includes("/serviceAttachments/")
        ? { pscConnectionId: `${10 ** 17 + making.below(10 ** 12)}`, pscConnectionStatus: "ACCEPTED" }
        : { pscConnectionId: "", pscConnectionStatus: "" }),
      baseForwardingRule: "",
      serviceName: "",
      ...fingerprint(making),
    }),
  }),
  "gcp:compute/globalForwardingRule:GlobalForwardingRule": compute("global", "forwardingRules", {
    ...deletionPolicy,
    replaces: `${FORWARDING_REPLACES} metadataFilters`,
    permissions: permissions("compute.globalForwardingRules", {
      create:
        "compute.globalForwardingRules.setLabels compute.globalForwardingRules.pscCreate compute.globalAddresses.use",
      update: "compute.globalForwardingRules.setLabels compute.globalForwardingRules.setTarget",
      delete: "compute.globalForwardingRules.pscDelete",
    }),
    references: [toNetwork("network")],
    defaults: { ipProtocol: "TCP", networkTier: "PREMIUM" },
    outputs: (making) => ({
      ipAddress: making.text("ipAddress") || making.ip(),
      forwardingRuleId: making.below(10 ** 12),
      ...fingerprint(making),
    }),
  }),
  "gcp:compute/serviceAttachment:ServiceAttachment": compute("region", "serviceAttachments", {
    ...deletionPolicy,
    replaces: "domainNames",
    permissions: permissions("compute.serviceAttachments", {
      create: "compute.forwardingRules.use compute.subnetworks.use",
    }),
    references: [toSubnetwork("natSubnets"), { at: "targetService", to: FORWARDING_RULE }],
    outputs: (making) => ({
      connectedEndpoints: [],
      fingerprint: making.hex(8),
      pscServiceAttachmentIds: [{ high: `${making.below(10 ** 12)}`, low: `${making.below(10 ** 12, "low")}` }],
    }),
  }),
  "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy": {
    ...deletionPolicy,
    autoName: LOWER_NAME,
    replaces: words("name location network serviceClass project"),
    permissions: permissions("networkconnectivity.serviceConnectionPolicies", {
      create: "compute.networks.get networkconnectivity.operations.get",
    }),
    references: [toNetwork("network"), toSubnetwork("pscConfig.subnetworks")],
    id: (making) =>
      `projects/${making.place["project"] ?? ""}/locations/${making.text("location")}/serviceConnectionPolicies/${making.text("name")}`,
    created: (making) => ({ createTime: making.now, updateTime: making.now }),
    outputs: (making) => ({ infrastructure: "PSC", pscConnections: [], etag: making.hex(16) }),
  },
};
