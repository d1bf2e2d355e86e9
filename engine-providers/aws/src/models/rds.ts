/** RDS. Sources as in vpc.ts; internal/service/rds. */
import type { PropertyMap } from "@automatos/provider-plugin";
import type { Making, Properties, ResourceModel } from "@automatos/provider-rehearsal";
import { named, permissions, protectedBy, replaces, toKey, toRole, toSecurityGroups, toSubnets } from "../declare.ts";
import { arn, host } from "../names.ts";
import { group, regionOf, TAGS } from "./groups.ts";

const SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup";
const DB_CLUSTER = "aws:rds/cluster:Cluster";
/** The part of a database's host that is the account's. */
const ACCOUNT_LABEL = "crehearsed";

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
function snapshotNamed(outputs: PropertyMap): string | undefined {
  if (outputs["skipFinalSnapshot"] === true || typeof outputs["finalSnapshotIdentifier"] === "string") return undefined;
  return "finalSnapshotIdentifier is required when skipFinalSnapshot is false";
}

const databaseGuard: NonNullable<ResourceModel["refuseRemoval"]> = (removal) =>
  protectedBy("deletionProtection")(removal) ?? snapshotNamed(removal.outputs);

export const rdsModels: Readonly<Record<string, ResourceModel>> = {
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
};
