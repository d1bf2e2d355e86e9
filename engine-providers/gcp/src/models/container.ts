/** Google Kubernetes Engine. Sources as in network.ts; services/container. */
import { Secret } from "@automatos/provider-plugin";
import type { PropertyMap } from "@automatos/provider-plugin";
import { firstText, mapAt, selfSigned } from "@automatos/provider-rehearsal";
import type { Making, Properties, ResourceModel } from "@automatos/provider-rehearsal";
import {
  deletionPolicy,
  permissions,
  protectedBy,
  toNetwork,
  toServiceAccount,
  toSubnetwork,
  words,
} from "../declare.ts";
import { lastPart } from "../names.ts";

const CLUSTER = "gcp:container/cluster:Cluster";
const NODE_POOL = "gcp:container/nodePool:NodePool";
/** Of the regular channel when this was written; a program that asks for one gets its own. */
const VERSION = "1.34.1-gke.1829001";

const NODE_CONFIG_REPLACES = words(
  "guestAccelerators localSsdCount ephemeralStorageLocalSsdConfig localNvmeSsdBlockConfig secondaryBootDisks metadata " +
    "minCpuPlatform oauthScopes preemptible reservationAffinity spot serviceAccount shieldedInstanceConfig sandboxConfig " +
    "bootDiskKmsKey nodeGroup advancedMachineFeatures soleTenantConfig hostMaintenancePolicy enableConfidentialStorage " +
    "localSsdEncryptionMode maxRunDuration flexStart",
).map((property) => `nodeConfig.${property}`);

function location(making: Making): string {
  return firstText(making.text("location"), making.place["zone"], making.place["region"]);
}

function clusterPath(making: Making): string {
  return `projects/${making.place["project"] ?? ""}/locations/${location(making)}/clusters/${making.text("name")}`;
}

/** What the API hands out once: the authority of the cluster's certificates. */
function masterAuth(making: Making): Properties {
  const real = making.cluster;
  const issue = making.isTrue("masterAuth.clientCertificateConfig.issueClientCertificate");
  const authority =
    real?.caCertificate ?? inBase64(selfSigned(`${making.text("name")}.gke.rehearsal.invalid`).certificate);
  return {
    masterAuth: {
      clientCertificate: real?.clientCertificate ?? "",
      clientCertificateConfig: { issueClientCertificate: issue },
      clientKey: new Secret(real?.clientKey ?? ""),
      clusterCaCertificate: authority,
    },
  };
}

function inBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function clusterDefaults(inputs: PropertyMap): Properties {
  const isAutopilot = inputs["enableAutopilot"] === true;
  return {
    deletionProtection: true,
    enableShieldedNodes: true,
    network: "default",
    networkingMode: "VPC_NATIVE",
    loggingService: "logging.googleapis.com/kubernetes",
    monitoringService: "monitoring.googleapis.com/kubernetes",
    releaseChannel: { channel: "REGULAR" },
    enableLegacyAbac: false,
    defaultMaxPodsPerNode: 110,
    datapathProvider: isAutopilot ? "ADVANCED_DATAPATH" : "LEGACY_DATAPATH",
    ...(isAutopilot ? { verticalPodAutoscaling: { enabled: true } } : {}),
  };
}

function clusterOutputs(making: Making): Properties {
  const project = making.place["project"] ?? "";
  const version = making.text("minMasterVersion") || VERSION;
  const isAutopilot = making.isTrue("enableAutopilot");
  const host = making.cluster?.server.replace(/^https:\/\//, "") ?? making.ip("endpoint");
  const isPrivate = making.isTrue("privateClusterConfig.enablePrivateEndpoint");
  return {
    location: location(making),
    selfLink: `https://container.rehearsal.invalid/v1/${clusterPath(making)}`,
    endpoint: host,
    masterVersion: version,
    nodeVersion: making.text("nodeVersion") || version,
    operation: `operation-${making.hex(12)}-rehearsed`,
    labelFingerprint: making.hex(8),
    network: making.of("network", "id") || `projects/${project}/global/networks/default`,
    nodeLocations: zonesOf(making),
    servicesIpv4Cidr: "198.51.100.0/24",
    clusterIpv4Cidr: making.text("clusterIpv4Cidr") || "203.0.113.0/24",
    privateClusterConfig: {
      ...mapAt(making.known, "privateClusterConfig"),
      publicEndpoint: isPrivate ? "" : host,
      privateEndpoint: isPrivate ? host : making.ip("private"),
      peeringName: "",
    },
    ...(isAutopilot || making.text("workloadIdentityConfig.workloadPool") !== ""
      ? {
          workloadIdentityConfig: {
            workloadPool: making.text("workloadIdentityConfig.workloadPool") || `${project}.svc.id.goog`,
          },
        }
      : {}),
  };
}

function zonesOf(making: Making): string[] {
  const given = making.texts("nodeLocations");
  const place = location(making);
  if (given.length > 0) return given;
  return /-[a-z]$/.test(place) ? [place] : ["a", "b", "c"].map((zone) => `${place}-${zone}`);
}

const clusterPermissions = permissions("container.clusters", {
  create:
    "container.operations.get compute.networks.get compute.subnetworks.get compute.subnetworks.use iam.serviceAccounts.actAs",
  update: "container.operations.get",
  delete: "container.operations.get",
});

export const containerModels: Readonly<Record<string, ResourceModel>> = {
  [CLUSTER]: {
    ...deletionPolicy,
    isCluster: true,
    autoName: { property: "name", maxLength: 40, lowerCase: true },
    replaces: words(
      "name location project clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey clusterIpv4Cidr description " +
        "enableKubernetesAlpha enableTpu enableAutopilot initialNodeCount confidentialNodes " +
        "masterAuth.clientCertificateConfig network nodePools subnetwork ipAllocationPolicy.clusterIpv4CidrBlock " +
        "ipAllocationPolicy.servicesIpv4CidrBlock ipAllocationPolicy.clusterSecondaryRangeName " +
        "ipAllocationPolicy.servicesSecondaryRangeName ipAllocationPolicy.podCidrOverprovisionConfig networkingMode " +
        "privateClusterConfig.masterIpv4CidrBlock privateClusterConfig.privateEndpointSubnetwork defaultMaxPodsPerNode " +
        "datapathProvider dataplaneOptimizationMode userManagedKeysConfig",
    ),
    permissions: clusterPermissions,
    references: [
      toNetwork("network"),
      toSubnetwork("subnetwork"),
      toServiceAccount("nodeConfig.serviceAccount"),
      toServiceAccount("clusterAutoscaling.autoProvisioningDefaults.serviceAccount"),
    ],
    defaults: clusterDefaults,
    validate: (inputs) =>
      inputs["enableAutopilot"] === true && inputs["removeDefaultNodePool"] === true
        ? [{ property: "removeDefaultNodePool", reason: "conflicts with enableAutopilot" }]
        : [],
    id: clusterPath,
    created: masterAuth,
    outputs: clusterOutputs,
    refuseRemoval: protectedBy("deletionProtection"),
    quota: { limit: 100, name: "clusters per region" },
  },
  [NODE_POOL]: {
    ...deletionPolicy,
    autoName: { property: "name", maxLength: 40, lowerCase: true },
    replaces: [
      ...words(
        "project cluster location placementPolicy queuedProvisioning maxPodsPerNode initialNodeCount name namePrefix " +
          "networkConfig.acceleratorNetworkProfile networkConfig.createPodRange networkConfig.podRange " +
          "networkConfig.podIpv4CidrBlock networkConfig.additionalNodeNetworkConfigs " +
          "networkConfig.additionalPodNetworkConfigs networkConfig.podCidrOverprovisionConfig networkConfig.subnetwork",
      ),
      ...NODE_CONFIG_REPLACES,
    ],
    permissions: {
      create: words(
        "container.clusters.update container.clusters.get container.operations.get iam.serviceAccounts.actAs",
      ),
      read: ["container.clusters.get"],
      update: words("container.clusters.update container.clusters.get container.operations.get"),
      delete: words("container.clusters.update container.clusters.get container.operations.get"),
    },
    references: [{ at: "cluster", to: CLUSTER, holds: false }, toServiceAccount("nodeConfig.serviceAccount")],
    defaults: {
      nodeConfig: { machineType: "e2-medium", diskSizeGb: 100, diskType: "pd-balanced", imageType: "COS_CONTAINERD" },
    },
    refuse: (making) =>
      making.of("cluster", "enableAutopilot") === "true"
        ? "Autopilot clusters do not support mutating node pools"
        : undefined,
    id: (making) =>
      `projects/${making.place["project"] ?? ""}/locations/${poolLocation(making)}/clusters/${clusterOf(making)}/nodePools/${making.text("name")}`,
    outputs: (making) => {
      const group = `gke-${clusterOf(making)}-${making.text("name")}-${making.hex(8)}-grp`;
      const link = (kind: string) =>
        `https://www.googleapis.rehearsal.invalid/compute/v1/projects/${making.place["project"] ?? ""}/zones/${poolLocation(making)}/${kind}/${group}`;
      return {
        location: poolLocation(making),
        version: making.text("version") || VERSION,
        nodeCount: making.number("nodeCount", making.number("initialNodeCount", 1)),
        initialNodeCount: making.number("initialNodeCount", 1),
        nodeLocations: making.texts("nodeLocations"),
        maxPodsPerNode: making.number("maxPodsPerNode", 110),
        instanceGroupUrls: [link("instanceGroupManagers")],
        managedInstanceGroupUrls: [link("instanceGroups")],
        operation: "",
      };
    },
    quota: { limit: 200, name: "node pools" },
  },
};

function clusterOf(making: Making): string {
  return making.of("cluster", "name") || lastPart(making.text("cluster"));
}

function poolLocation(making: Making): string {
  return making.of("cluster", "location") || location(making);
}
