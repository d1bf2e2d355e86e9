/** Cloud SQL, Memorystore. Sources as in network.ts; services/sql, redis, memorystore. */
import { Secret } from "@automatos/provider-plugin";
import type { PropertyMap } from "@automatos/provider-plugin";
import { asText, mapAt, selfSigned } from "@automatos/provider-rehearsal";
import type { Making, Properties, ResourceModel } from "@automatos/provider-rehearsal";
import { deletionPolicy, LOWER_NAME, permissions, protectedBy, toNetwork, toSubnetwork, words } from "../declare.ts";
import { normalise } from "../names.ts";

const INSTANCE = "gcp:sql/databaseInstance:DatabaseInstance";
const CONNECTION = "gcp:servicenetworking/connection:Connection";

/** Private addresses come out of a range that the network has handed to Google. */
function needsConnection(making: Making, path: string): string | undefined {
  const network = making.text(path);
  if (network === "") return undefined;
  const isConnected = making.cloud
    .ofType(CONNECTION)
    .some(({ outputs }) => normalise(asText(outputs["network"])) === normalise(network));
  if (isConnected) return undefined;
  return (
    `Failed to create subnetwork. Couldn't find free blocks in allocated IP ranges: network ${network} doesn't have at ` +
    "least 1 private services connection. Please create Service Networking connection with service 'servicenetworking.googleapis.com'"
  );
}

function sqlOutputs(making: Making): Properties {
  const { project = "", region = "" } = making.place;
  const isPublic = making.known["settings"] === undefined || !isFalse(making, "settings.ipConfiguration.ipv4Enabled");
  const publicIp = isPublic ? making.ip("public") : "";
  const privateIp = making.text("settings.ipConfiguration.privateNetwork") === "" ? "" : making.ip("private");
  const addresses = [
    ...(isPublic ? [{ ipAddress: publicIp, timeToRetire: "", type: "PRIMARY" }] : []),
    ...(privateIp === "" ? [] : [{ ipAddress: privateIp, timeToRetire: "", type: "PRIVATE" }]),
  ];
  const name = making.text("name");
  return {
    selfLink: `https://sqladmin.rehearsal.invalid/sql/v1beta4/projects/${project}/instances/${name}`,
    connectionName: `${project}:${region}:${name}`,
    publicIpAddress: publicIp,
    privateIpAddress: privateIp,
    firstIpAddress: publicIp || privateIp,
    ipAddresses: addresses,
    dnsName: `${making.hex(12)}.${region}.sql.rehearsal.invalid.`,
    pscServiceAttachmentLink: making.isTrue("settings.ipConfiguration.pscConfigs.pscEnabled")
      ? `projects/${project}/regions/${region}/serviceAttachments/a-${making.hex(12)}-psc-service-attachment`
      : "",
    serviceAccountEmailAddress: `p000000000000-${making.hex(6)}@gcp-sa-cloud-sql.rehearsal.invalid`,
    settings: { ...SETTINGS, ...mapAt(making.known, "settings"), version: 1 },
  };
}

const SETTINGS = {
  activationPolicy: "ALWAYS",
  availabilityType: "ZONAL",
  connectorEnforcement: "NOT_REQUIRED",
  diskAutoresize: true,
  diskSize: 10,
  diskType: "PD_SSD",
  pricingPlan: "PER_USE",
};

function isFalse(making: Making, path: string): boolean {
  let value: unknown = making.known;
  for (const key of path.split(".")) value = (value as PropertyMap | undefined)?.[key];
  return value === false;
}

const sqlPart = (making: Making) => `projects/${making.place["project"] ?? ""}/instances/${making.text("instance")}`;

export const databaseModels: Readonly<Record<string, ResourceModel>> = {
  [INSTANCE]: {
    ...deletionPolicy,
    autoName: { property: "name", maxLength: 98, lowerCase: true },
    replaces: words("region encryptionKeyName name project replicaConfiguration settings.collation settings.timeZone"),
    permissions: permissions("cloudsql.instances", {
      create: "cloudsql.users.list cloudsql.users.delete compute.networks.get",
      update: "cloudsql.users.update",
    }),
    references: [
      toNetwork("settings.ipConfiguration.privateNetwork"),
      { at: "masterInstanceName", to: INSTANCE },
      { at: "encryptionKeyName", to: "gcp:kms/cryptoKey:CryptoKey" },
    ],
    defaults: {
      deletionProtection: true,
      instanceType: "CLOUD_SQL_INSTANCE",
      availableMaintenanceVersions: [],
      replicaNames: [],
    },
    refuse: (making) => needsConnection(making, "settings.ipConfiguration.privateNetwork"),
    id: (making) => making.text("name"),
    created: (making) => ({
      serverCaCerts: [
        {
          cert: new Secret(selfSigned(`${making.text("name")}.sql.rehearsal.invalid`).certificate),
          commonName: "C=US,O=rehearsed,CN=Cloud SQL Server CA",
          createTime: making.now,
          expirationTime: making.now,
          sha1Fingerprint: making.hex(40),
        },
      ],
    }),
    outputs: sqlOutputs,
    refuseRemoval: protectedBy("deletionProtection"),
    quota: { limit: 100, name: "instances per project" },
  },
  "gcp:sql/database:Database": {
    ...deletionPolicy,
    autoName: { property: "name", maxLength: 255 },
    replaces: words("instance name project"),
    permissions: permissions("cloudsql.databases", { create: "cloudsql.instances.get" }),
    references: [{ at: "instance", to: INSTANCE, holds: false }],
    id: (making) => `${sqlPart(making)}/databases/${making.text("name")}`,
    outputs: (making) => ({
      selfLink: `https://sqladmin.rehearsal.invalid/sql/v1beta4/${sqlPart(making)}/databases/${making.text("name")}`,
      charset: making.text("charset") || "UTF8",
      collation: making.text("collation") || "en_US.UTF8",
    }),
  },
  "gcp:sql/user:User": {
    ...deletionPolicy,
    autoName: { property: "name", maxLength: 255 },
    replaces: words("host instance name type project"),
    permissions: {
      create: words("cloudsql.users.create cloudsql.users.list cloudsql.instances.get"),
      read: words("cloudsql.users.list cloudsql.instances.get"),
      update: words("cloudsql.users.update cloudsql.users.list cloudsql.instances.get"),
      delete: words("cloudsql.users.delete cloudsql.users.list cloudsql.instances.get"),
    },
    references: [{ at: "instance", to: INSTANCE, holds: false }],
    id: (making) => `${making.text("name")}/${making.text("host")}/${making.text("instance")}`,
    outputs: () => ({ iamEmail: "", sqlServerUserDetails: [] }),
  },
  "gcp:redis/instance:Instance": {
    ...deletionPolicy,
    autoName: LOWER_NAME,
    replaces: words(
      "name alternativeLocationId authorizedNetwork connectMode customerManagedKey locationId region reservedIpRange " +
        "tier transitEncryptionMode project",
    ),
    permissions: permissions("redis.instances", {
      create: "redis.operations.get redis.instances.getAuthString compute.networks.get",
      read: "redis.instances.getAuthString",
      update: "redis.operations.get",
      delete: "redis.operations.get",
    }),
    references: [toNetwork("authorizedNetwork"), { at: "customerManagedKey", to: "gcp:kms/cryptoKey:CryptoKey" }],
    defaults: {
      connectMode: "DIRECT_PEERING",
      tier: "BASIC",
      transitEncryptionMode: "DISABLED",
      readReplicasMode: "READ_REPLICAS_DISABLED",
      redisVersion: "REDIS_7_2",
    },
    refuse: (making) =>
      making.text("connectMode") === "PRIVATE_SERVICE_ACCESS"
        ? needsConnection(making, "authorizedNetwork")
        : undefined,
    id: (making) => {
      const { project = "", region = "" } = making.place;
      return `projects/${project}/locations/${region}/instances/${making.text("name")}`;
    },
    created: (making) => ({
      createTime: making.now,
      authString: making.isTrue("authEnabled") ? `rehearsed-${making.hex(26, "auth")}` : "",
      serverCaCerts:
        making.text("transitEncryptionMode") === "SERVER_AUTHENTICATION"
          ? [
              {
                cert: selfSigned("redis.rehearsal.invalid").certificate,
                createTime: making.now,
                expireTime: making.now,
                serialNumber: making.hex(8),
                sha1Fingerprint: making.hex(40),
              },
            ]
          : [],
    }),
    outputs: (making) => ({
      host: making.ip(),
      port: making.text("transitEncryptionMode") === "SERVER_AUTHENTICATION" ? 6378 : 6379,
      readEndpoint: making.text("readReplicasMode") === "READ_REPLICAS_ENABLED" ? making.ip("read") : "",
      readEndpointPort: making.text("readReplicasMode") === "READ_REPLICAS_ENABLED" ? 6379 : 0,
      effectiveReservedIpRange: making.text("reservedIpRange") || "192.0.2.0/29",
      currentLocationId: making.text("locationId") || `${making.place["region"] ?? ""}-a`,
      locationId: making.text("locationId") || `${making.place["region"] ?? ""}-a`,
      authorizedNetwork: making.of("authorizedNetwork", "id") || making.text("authorizedNetwork"),
      persistenceIamIdentity: "serviceAccount:000000000000-compute@developer.rehearsal.invalid",
      nodes: [],
      maintenanceSchedules: [],
    }),
    refuseRemoval: protectedBy("deletionProtection"),
    quota: { limit: 50, name: "instances per region" },
  },
  "gcp:memorystore/instance:Instance": {
    ...deletionPolicy,
    replaces: words(
      "instanceId location authorizationMode gcsSource kmsKey managedBackupSource mode serverCaMode serverCaPool " +
        "transitEncryptionMode zoneDistributionConfig desiredPscAutoConnections desiredAutoCreatedEndpoints project",
    ),
    permissions: permissions("memorystore.instances", {
      create: "memorystore.operations.get",
      delete: "memorystore.operations.get",
    }),
    references: [
      toNetwork("desiredAutoCreatedEndpoints.network"),
      toSubnetwork("desiredAutoCreatedEndpoints.subnetwork"),
      { at: "kmsKey", to: "gcp:kms/cryptoKey:CryptoKey" },
    ],
    defaults: {
      deletionProtectionEnabled: true,
      mode: "CLUSTER",
      authorizationMode: "AUTH_DISABLED",
      transitEncryptionMode: "TRANSIT_ENCRYPTION_DISABLED",
    },
    id: memorystorePath,
    created: (making) => ({ createTime: making.now, updateTime: making.now }),
    outputs: (making) => ({
      name: memorystorePath(making),
      uid: `00000000-0000-4000-8000-${making.hex(12)}`,
      state: "ACTIVE",
      discoveryEndpoints: [
        { address: making.ip(), network: making.text("desiredAutoCreatedEndpoints.network"), port: 6379 },
      ],
    }),
    refuseRemoval: protectedBy("deletionProtectionEnabled"),
  },
};

function memorystorePath(making: Making): string {
  return `projects/${making.place["project"] ?? ""}/locations/${making.text("location")}/instances/${making.text("instanceId")}`;
}
