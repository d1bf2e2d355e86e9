/** ElastiCache. Sources as in vpc.ts; internal/service/elasticache. */
import type { ResourceModel } from "@automatos/provider-rehearsal";
import { named, permissions, replaces, toKey, toSecurityGroups, toSubnets } from "../declare.ts";
import { arn, host } from "../names.ts";
import { group, regionOf, TAGS } from "./groups.ts";

const CACHE_SUBNETS = "aws:elasticache/subnetGroup:SubnetGroup";

export const cacheModels: Readonly<Record<string, ResourceModel>> = {
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
          : host(prefix === "" ? `${name}-ro` : `replica.${name}`, "rehrsd", regionOf(making), "cache"),
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
