/** Elastic Kubernetes Service. What replaces: `ForceNew` in terraform-provider-aws, internal/service/eks; else as in vpc.ts. */
import { mapAt, selfSigned } from "@automatos/provider-rehearsal";
import type { Making, Properties, ResourceModel } from "@automatos/provider-rehearsal";
import {
  named,
  permissions,
  protectedBy,
  replaces,
  tagging,
  toKey,
  toRole,
  toSecurityGroups,
  toSubnets,
} from "../declare.ts";
import { arn, ec2Id, host, uuid } from "../names.ts";

const CLUSTER = "aws:eks/cluster:Cluster";
const TAGS = tagging("eks");
const VERSION = "1.34";

const toCluster = (holds: boolean) => ({ at: "clusterName", to: CLUSTER, holds });
const clusterArn = (making: Making) => arn(making, "eks", `cluster/${making.text("name")}`);
/** `<cluster>:<name>`, as ids of what belongs to a cluster are. */
const inCluster = (making: Making, name: string) => `${making.text("clusterName")}:${name}`;

function clusterOutputs(making: Making): Properties {
  const region = making.place["region"] ?? "";
  const id = making.hex(32, "oidc").toUpperCase();
  return {
    arn: clusterArn(making),
    endpoint: making.cluster?.server ?? `https://${host(id, "gr7", region, "eks")}`,
    identities: [{ oidcs: [{ issuer: `https://${host("oidc.eks", region)}/id/${id}` }] }],
    status: "ACTIVE",
    platformVersion: "eks.1",
    version: making.text("version") || VERSION,
    clusterId: "",
    vpcConfig: {
      endpointPrivateAccess: false,
      endpointPublicAccess: true,
      publicAccessCidrs: ["0.0.0.0/0"],
      ...mapAt(making.known, "vpcConfig"),
      clusterSecurityGroupId: ec2Id(making, "sg"),
      vpcId: making.of("vpcConfig.subnetIds", "vpcId"),
    },
    kubernetesNetworkConfig: {
      ipFamily: "ipv4",
      serviceIpv4Cidr: "198.51.100.0/24",
      ...mapAt(making.known, "kubernetesNetworkConfig"),
    },
    accessConfig: {
      authenticationMode: "CONFIG_MAP",
      bootstrapClusterCreatorAdminPermissions: true,
      ...mapAt(making.known, "accessConfig"),
    },
  };
}

export const eksModels: Readonly<Record<string, ResourceModel>> = {
  [CLUSTER]: {
    isCluster: true,
    autoName: named(255),
    replaces: replaces(
      "name roleArn bootstrapSelfManagedAddons accessConfig.bootstrapClusterCreatorAdminPermissions " +
        "kubernetesNetworkConfig.ipFamily kubernetesNetworkConfig.serviceIpv4Cidr outpostConfig remoteNetworkConfig",
    ),
    permissions: permissions("eks", {
      create: `CreateCluster ${TAGS} iam:PassRole iam:GetRole ec2:DescribeSubnets ec2:DescribeSecurityGroups ec2:DescribeVpcs`,
      read: "DescribeCluster",
      update: `UpdateClusterConfig UpdateClusterVersion AssociateEncryptionConfig DescribeUpdate ${TAGS}`,
      delete: "DeleteCluster",
    }),
    references: [
      toRole("roleArn"),
      toSubnets("vpcConfig.subnetIds"),
      toSecurityGroups("vpcConfig.securityGroupIds"),
      toKey("encryptionConfig.provider.keyArn"),
    ],
    defaults: {
      bootstrapSelfManagedAddons: true,
      upgradePolicy: { supportType: "EXTENDED" },
      deletionProtection: false,
    },
    refuse: (making) =>
      making.texts("vpcConfig.subnetIds").length < 2
        ? "InvalidParameterException: Subnets specified must be in at least two different AZs"
        : undefined,
    id: (making) => making.text("name"),
    unique: (making) => [`eks/${making.place["region"] ?? ""}/${making.text("name")}`],
    created: (making) => ({
      createdAt: making.now,
      certificateAuthority: {
        data:
          making.cluster?.caCertificate ??
          Buffer.from(selfSigned(`${making.text("name")}.eks.rehearsal.invalid`).certificate).toString("base64"),
      },
    }),
    outputs: clusterOutputs,
    refuseRemoval: protectedBy("deletionProtection"),
    quota: { limit: 100, name: "clusters" },
  },
  "aws:eks/nodeGroup:NodeGroup": {
    autoName: named(255, "nodeGroupName"),
    replaces: replaces(
      "amiType capacityType clusterName diskSize instanceTypes launchTemplate.id launchTemplate.name nodeGroupName " +
        "nodeGroupNamePrefix nodeRoleArn remoteAccess subnetIds",
    ),
    permissions: permissions("eks", {
      create: `CreateNodegroup ${TAGS} iam:PassRole iam:GetRole iam:ListAttachedRolePolicies ec2:DescribeSubnets ec2:DescribeLaunchTemplateVersions ec2:RunInstances ec2:CreateTags`,
      read: "DescribeNodegroup",
      update: `UpdateNodegroupConfig UpdateNodegroupVersion DescribeUpdate ${TAGS}`,
      delete: "DeleteNodegroup",
    }),
    references: [
      toCluster(true),
      toRole("nodeRoleArn"),
      toSubnets("subnetIds"),
      { at: "launchTemplate.id", to: "aws:ec2/launchTemplate:LaunchTemplate" },
    ],
    defaults: {
      amiType: "AL2023_x86_64_STANDARD",
      capacityType: "ON_DEMAND",
      diskSize: 20,
      instanceTypes: ["t3.medium"],
    },
    id: (making) => inCluster(making, making.text("nodeGroupName")),
    outputs: (making) => ({
      arn: arn(
        making,
        "eks",
        `nodegroup/${making.text("clusterName")}/${making.text("nodeGroupName")}/${uuid(making)}`,
      ),
      status: "ACTIVE",
      version: making.text("version") || making.of("clusterName", "version") || VERSION,
      releaseVersion: making.text("releaseVersion") || `${VERSION}.0-rehearsed`,
      resources: [
        {
          autoscalingGroups: [{ name: `eks-${making.text("nodeGroupName")}-${uuid(making)}` }],
          remoteAccessSecurityGroupId: "",
        },
      ],
      updateConfig: making.known["updateConfig"] ?? { maxUnavailable: 1 },
    }),
    quota: { limit: 30, name: "managed node groups per cluster" },
  },
  "aws:eks/addon:Addon": {
    autoName: "none",
    replaces: replaces("addonName clusterName namespaceConfig"),
    permissions: permissions("eks", {
      create: `CreateAddon ${TAGS} iam:PassRole`,
      read: "DescribeAddon DescribeAddonVersions",
      update: `UpdateAddon DescribeUpdate ${TAGS}`,
      delete: "DeleteAddon",
    }),
    references: [toCluster(false), toRole("serviceAccountRoleArn")],
    id: (making) => inCluster(making, making.text("addonName")),
    created: (making) => ({ createdAt: making.now, modifiedAt: making.now }),
    outputs: (making) => ({
      arn: arn(making, "eks", `addon/${making.text("clusterName")}/${making.text("addonName")}/${uuid(making)}`),
      addonVersion: making.text("addonVersion") || "v1.0.0-eksbuild.1",
      configurationValues: making.text("configurationValues"),
    }),
  },
  "aws:eks/fargateProfile:FargateProfile": {
    autoName: named(255, "fargateProfileName"),
    replaces: replaces("clusterName fargateProfileName podExecutionRoleArn selectors subnetIds"),
    permissions: permissions("eks", {
      create: `CreateFargateProfile ${TAGS} iam:PassRole iam:GetRole ec2:DescribeSubnets`,
      read: "DescribeFargateProfile",
      update: TAGS,
      delete: "DeleteFargateProfile",
    }),
    references: [toCluster(true), toRole("podExecutionRoleArn"), toSubnets("subnetIds")],
    id: (making) => inCluster(making, making.text("fargateProfileName")),
    outputs: (making) => ({
      arn: arn(
        making,
        "eks",
        `fargateprofile/${making.text("clusterName")}/${making.text("fargateProfileName")}/${uuid(making)}`,
      ),
      status: "ACTIVE",
    }),
  },
  "aws:eks/accessEntry:AccessEntry": {
    autoName: "none",
    replaces: replaces("clusterName principalArn type"),
    permissions: permissions("eks", {
      create: `CreateAccessEntry ${TAGS}`,
      read: "DescribeAccessEntry",
      update: `UpdateAccessEntry ${TAGS}`,
      delete: "DeleteAccessEntry",
    }),
    references: [toCluster(false)],
    defaults: { type: "STANDARD", kubernetesGroups: [] },
    id: (making) => inCluster(making, making.text("principalArn")),
    created: (making) => ({ createdAt: making.now, modifiedAt: making.now }),
    outputs: (making) => ({
      accessEntryArn: arn(making, "eks", `access-entry/${making.text("clusterName")}/role/${uuid(making)}`),
      userName: making.text("userName") || making.text("principalArn"),
    }),
  },
  "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": {
    autoName: "none",
    replaces: replaces("accessScope clusterName policyArn principalArn"),
    permissions: permissions("eks", {
      create: "AssociateAccessPolicy",
      read: "ListAssociatedAccessPolicies",
      delete: "DisassociateAccessPolicy",
    }),
    references: [toCluster(false)],
    id: (making) => `${making.text("clusterName")}#${making.text("principalArn")}#${making.text("policyArn")}`,
    created: (making) => ({ associatedAt: making.now, modifiedAt: making.now }),
  },
  "aws:eks/podIdentityAssociation:PodIdentityAssociation": {
    autoName: "none",
    replaces: replaces("clusterName namespace serviceAccount"),
    permissions: permissions("eks", {
      create: `CreatePodIdentityAssociation ${TAGS} iam:PassRole`,
      read: "DescribePodIdentityAssociation",
      update: `UpdatePodIdentityAssociation ${TAGS}`,
      delete: "DeletePodIdentityAssociation",
    }),
    references: [toCluster(false), toRole("roleArn")],
    id: (making) => `a-rehearsed${making.hex(8)}`,
    unique: (making) => [
      `pod-identity/${making.text("clusterName")}/${making.text("namespace")}/${making.text("serviceAccount")}`,
    ],
    outputs: (making) => ({
      associationId: `a-rehearsed${making.hex(8)}`,
      associationArn: arn(
        making,
        "eks",
        `podidentityassociation/${making.text("clusterName")}/a-rehearsed${making.hex(8)}`,
      ),
    }),
  },
};
