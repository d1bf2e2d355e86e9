/** RDS and ElastiCache. Sources as in vpc.ts; internal/service/rds, elasticache. */
import type { Making, Properties, ResourceModel } from "@automatos/provider-rehearsal";
import { named, permissions, protectedBy, replaces, toKey, toRole, toSecurityGroups, toSubnets } from "../declare.ts";
import { arn, host } from "../names.ts";

const SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup";
const DB_CLUSTER = "aws:rds/cluster:Cluster";
const CACHE_SUBNETS = "aws:elasticache/subnetGroup:SubnetGroup";
const TAGS = "AddTagsToResource RemoveTagsFromResource";
/** The part of a database's host that is the account's. */
const ACCOUNT_LABEL = "crehearsed";

const regionOf = (making: Making) => making.place["region"] ?? "";
const PORTS: Readonly<Record<string, number>> = {
  mysql: 3306,
  mariadb: 3306,
  "aurora-mysql": 3306,
  postgres: 5432,
  "aurora-postgresql": 5432,
};
const portOf = (making: Making) => making.number("port", PORTS[making.text("engine")] ?? 5432);

function masterSecret(making: Making): Properties {
  if (!making.isTrue("manageMasterUserPassword")) return { masterUserSecrets: [] };
  const secretArn = arn(making, "secretsmanager", `secret:rds!db-${making.hex(12)}-rehear`);
  return {
    masterUserSecrets: [{ secretArn, secretStatus: "active", kmsKeyId: making.text("masterUserSecretKmsKeyId") }],
  };
}

/** A last snapshot is taken unless the program says otherwise, and must be named. */
function snapshotNamed(outputs: { readonly [key: string]: unknown }): string | undefined {
  if (outputs["skipFinalSnapshot"] === true || typeof outputs["finalSnapshotIdentifier"] === "string") return undefined;
  return "finalSnapshotIdentifier is required when skipFinalSnapshot is false";
}

const databaseGuard: NonNullable<ResourceModel["refuseRemoval"]> = (removal) =>
  protectedBy("deletionProtection")(removal) ?? snapshotNamed(removal.outputs);

function group(
  service: "rds" | "elasticache",
  kind: string,
  actions: string,
  more: Partial<ResourceModel>,
): ResourceModel {
  return {
    autoName: named(255, "name", { lowerCase: false }),
    replaces: replaces("name namePrefix"),
    permissions: permissions(service, {
      create: `Create${actions} ${TAGS}`,
      read: `Describe${actions}s ListTagsForResource`,
      update: `Modify${actions} ${TAGS}`,
      delete: `Delete${actions}`,
    }),
    defaults: { description: "Managed by Pulumi" },
    id: (making) => making.text("name"),
    unique: (making) => [`${service}/${kind}/${regionOf(making)}/${making.text("name")}`],
    outputs: (making) => ({
      arn: arn(making, service, `${kind}:${making.text("name")}`),
      vpcId: making.of("subnetIds", "vpcId"),
    }),
    ...more,
  };
}

export const dataModels: Readonly<Record<string, ResourceModel>> = {
  [SUBNET_GROUP]: group("rds", "subgrp", "DBSubnetGroup", { references: [toSubnets("subnetIds")] }),
  "aws:rds/parameterGroup:ParameterGroup": group("rds", "pg", "DBParameterGroup", {
    replaces: replaces("name namePrefix family description"),
    outputs: (making) => ({ arn: arn(making, "rds", `pg:${making.text("name")}`) }),
  }),
  "aws:rds/instance:Instance": {
    autoName: named(255, "identifier", { separator: "" }),
    replaces: replaces(
      "availabilityZone backupTarget characterSetName customIamInstanceProfile dbName engine identifier identifierPrefix kmsKeyId " +
        "ncharCharacterSetName restoreToPointInTime s3Import snapshotIdentifier storageEncrypted timezone username",
    ),
    permissions: permissions("rds", {
      create: "CreateDBInstance AddTagsToResource iam:PassRole kms:CreateGrant kms:DescribeKey",
      read: "DescribeDBInstances ListTagsForResource",
      update: `ModifyDBInstance RebootDBInstance ${TAGS}`,
      delete: "DeleteDBInstance CreateDBSnapshot",
    }),
    references: [
      { at: "dbSubnetGroupName", to: SUBNET_GROUP, isBuiltIn: (value) => value === "default" },
      {
        at: "parameterGroupName",
        to: "aws:rds/parameterGroup:ParameterGroup",
        isBuiltIn: (value) => value.startsWith("default."),
      },
      toSecurityGroups("vpcSecurityGroupIds"),
      toKey("kmsKeyId"),
      toRole("monitoringRoleArn"),
    ],
    defaults: {
      autoMinorVersionUpgrade: true,
      copyTagsToSnapshot: false,
      deleteAutomatedBackups: true,
      publiclyAccessible: false,
      skipFinalSnapshot: false,
      storageType: "gp2",
      multiAz: false,
    },
    id: (making) => `db-REHEARSED${making.hex(17).toUpperCase()}`,
    unique: (making) => [`rds/${regionOf(making)}/${making.text("identifier")}`],
    handles: (making) => [making.text("identifier")],
    outputs: (making) => {
      const address = host(making.text("identifier"), ACCOUNT_LABEL, regionOf(making), "rds");
      return {
        arn: arn(making, "rds", `db:${making.text("identifier")}`),
        address,
        endpoint: `${address}:${portOf(making)}`,
        port: portOf(making),
        resourceId: `db-REHEARSED${making.hex(17).toUpperCase()}`,
        hostedZoneId: "Z0REHEARSEDRDS",
        status: "available",
        engineVersion: making.text("engineVersion"),
        engineVersionActual: making.text("engineVersion"),
        availabilityZone: making.text("availabilityZone") || `${regionOf(making)}a`,
        replicas: [],
        ...masterSecret(making),
      };
    },
    refuseRemoval: databaseGuard,
    quota: { limit: 40, name: "DB instances" },
  },
  [DB_CLUSTER]: {
    autoName: "none",
    replaces: replaces(
      "clusterIdentifier clusterIdentifierPrefix availabilityZones databaseName dbSubnetGroupName engine engineMode kmsKeyId " +
        "masterUsername replicationSourceIdentifier restoreToPointInTime s3Import snapshotIdentifier sourceRegion storageEncrypted",
    ),
    permissions: permissions("rds", {
      create: "CreateDBCluster AddTagsToResource kms:CreateGrant kms:DescribeKey",
      read: "DescribeDBClusters ListTagsForResource",
      update: `ModifyDBCluster ${TAGS}`,
      delete: "DeleteDBCluster CreateDBClusterSnapshot",
    }),
    references: [
      { at: "dbSubnetGroupName", to: SUBNET_GROUP, isBuiltIn: (value) => value === "default" },
      toSecurityGroups("vpcSecurityGroupIds"),
      toKey("kmsKeyId"),
    ],
    defaults: {
      backupRetentionPeriod: 1,
      copyTagsToSnapshot: false,
      skipFinalSnapshot: false,
      storageEncrypted: false,
      engineMode: "provisioned",
    },
    created: (making) => ({ clusterIdentifier: making.text("clusterIdentifier") || `tf-rehearsed${making.hex(14)}` }),
    id: (making) => making.text("clusterIdentifier"),
    unique: (making) => [`rds-cluster/${regionOf(making)}/${making.text("clusterIdentifier")}`],
    outputs: (making) => {
      const name = making.text("clusterIdentifier");
      return {
        arn: arn(making, "rds", `cluster:${name}`),
        endpoint: host(name, `cluster-${ACCOUNT_LABEL}`, regionOf(making), "rds"),
        readerEndpoint: host(name, `cluster-ro-${ACCOUNT_LABEL}`, regionOf(making), "rds"),
        clusterResourceId: `cluster-REHEARSED${making.hex(17).toUpperCase()}`,
        hostedZoneId: "Z0REHEARSEDRDS",
        port: portOf(making),
        engineVersion: making.text("engineVersion"),
        engineVersionActual: making.text("engineVersion"),
        ...masterSecret(making),
      };
    },
    refuseRemoval: databaseGuard,
    quota: { limit: 40, name: "DB clusters" },
  },
  "aws:rds/clusterInstance:ClusterInstance": {
    autoName: "none",
    replaces: replaces(
      "availabilityZone clusterIdentifier customIamInstanceProfile dbSubnetGroupName engine identifierPrefix",
    ),
    permissions: permissions("rds", {
      create: "CreateDBInstance AddTagsToResource",
      read: "DescribeDBInstances ListTagsForResource",
      update: `ModifyDBInstance ${TAGS}`,
      delete: "DeleteDBInstance",
    }),
    references: [{ at: "clusterIdentifier", to: DB_CLUSTER }],
    created: (making) => ({ identifier: making.text("identifier") || `tf-rehearsed${making.hex(14)}` }),
    id: (making) => making.text("identifier"),
    unique: (making) => [`rds/${regionOf(making)}/${making.text("identifier")}`],
    outputs: (making) => ({
      arn: arn(making, "rds", `db:${making.text("identifier")}`),
      endpoint: host(making.text("identifier"), ACCOUNT_LABEL, regionOf(making), "rds"),
      dbiResourceId: `db-REHEARSED${making.hex(17).toUpperCase()}`,
      port: portOf(making),
      writer: true,
      engineVersion: making.text("engineVersion"),
      engineVersionActual: making.text("engineVersion"),
    }),
  },
  [CACHE_SUBNETS]: group("elasticache", "subnetgroup", "CacheSubnetGroup", {
    replaces: replaces("name"),
    references: [toSubnets("subnetIds")],
  }),
  "aws:elasticache/parameterGroup:ParameterGroup": group("elasticache", "parametergroup", "CacheParameterGroup", {
    replaces: replaces("name family description"),
    outputs: (making) => ({ arn: arn(making, "elasticache", `parametergroup:${making.text("name")}`) }),
  }),
  "aws:elasticache/replicationGroup:ReplicationGroup": {
    autoName: named(40, "replicationGroupId", { lowerCase: true }),
    replaces: replaces(
      "atRestEncryptionEnabled dataTieringEnabled globalReplicationGroupId kmsKeyId networkType port replicationGroupId " +
        "securityGroupNames snapshotArns snapshotName subnetGroupName",
    ),
    permissions: permissions("elasticache", {
      create: "CreateReplicationGroup AddTagsToResource kms:DescribeKey kms:CreateGrant",
      read: "DescribeReplicationGroups DescribeCacheClusters ListTagsForResource",
      update: `ModifyReplicationGroup IncreaseReplicaCount DecreaseReplicaCount ModifyReplicationGroupShardConfiguration ${TAGS}`,
      delete: "DeleteReplicationGroup",
    }),
    references: [
      { at: "subnetGroupName", to: CACHE_SUBNETS, isBuiltIn: (value) => value === "default" },
      {
        at: "parameterGroupName",
        to: "aws:elasticache/parameterGroup:ParameterGroup",
        isBuiltIn: (value) => value.startsWith("default."),
      },
      toSecurityGroups("securityGroupIds"),
      toKey("kmsKeyId"),
    ],
    defaults: {
      automaticFailoverEnabled: false,
      multiAzEnabled: false,
      engine: "redis",
      atRestEncryptionEnabled: false,
      transitEncryptionEnabled: false,
    },
    validate: (inputs) =>
      inputs["multiAzEnabled"] === true && (inputs["automaticFailoverEnabled"] ?? false) === false
        ? [{ property: "multiAzEnabled", reason: "automaticFailoverEnabled must be true if multiAzEnabled is true" }]
        : [],
    id: (making) => making.text("replicationGroupId"),
    unique: (making) => [`elasticache/${regionOf(making)}/${making.text("replicationGroupId")}`],
    outputs: (making) => {
      const name = making.text("replicationGroupId");
      const prefix = making.isTrue("transitEncryptionEnabled") ? "master." : "";
      const clusters = making.number("numCacheClusters", 1);
      const isSharded = making.number("numNodeGroups", 1) > 1;
      return {
        arn: arn(making, "elasticache", `replicationgroup:${name}`),
        primaryEndpointAddress: isSharded ? "" : host(`${prefix}${name}`, "rehrsd", regionOf(making), "cache"),
        readerEndpointAddress: isSharded
          ? ""
          : host(`${prefix === "" ? `${name}-ro` : `replica.${name}`}`, "rehrsd", regionOf(making), "cache"),
        configurationEndpointAddress: isSharded ? host(`clustercfg.${name}`, "rehrsd", regionOf(making), "cache") : "",
        clusterEnabled: isSharded,
        memberClusters: Array.from({ length: clusters }, (_, index) => `${name}-${String(index + 1).padStart(3, "0")}`),
        port: making.number("port", 6379),
        nodeType: making.text("nodeType") || "cache.t3.micro",
        engineVersion: making.text("engineVersion") || "7.1",
        engineVersionActual: making.text("engineVersion") || "7.1.0",
        numCacheClusters: clusters,
        numNodeGroups: making.number("numNodeGroups", 1),
        replicasPerNodeGroup: making.number("replicasPerNodeGroup", clusters - 1),
      };
    },
    quota: { limit: 40, name: "replication groups" },
  },
};
