/** Security groups, launch templates, load balancers, logs. Sources as in vpc.ts. */
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import {
  ec2,
  named,
  permissions,
  protectedBy,
  replaces,
  tagging,
  toKey,
  toSecurityGroups,
  toSubnets,
  toVpc,
  words,
} from "../declare.ts";
import { arn, ec2Id, host } from "../names.ts";

const GROUP = "aws:ec2/securityGroup:SecurityGroup";
const BALANCER = "aws:lb/loadBalancer:LoadBalancer";
const TARGET_GROUP = "aws:lb/targetGroup:TargetGroup";
const TAGS = "CreateTags DeleteTags";

function rule(direction: "Ingress" | "Egress"): ResourceModel {
  return {
    autoName: "none",
    replaces: replaces("securityGroupId"),
    permissions: permissions("ec2", {
      create: `AuthorizeSecurityGroup${direction} ${TAGS}`,
      read: "DescribeSecurityGroupRules",
      update: `ModifySecurityGroupRules ${TAGS}`,
      delete: `RevokeSecurityGroup${direction}`,
    }),
    references: [
      { ...toSecurityGroups("securityGroupId"), holds: false },
      toSecurityGroups("referencedSecurityGroupId"),
    ],
    id: (making) => ec2Id(making, "sgr"),
    outputs: (making) => ({
      securityGroupRuleId: ec2Id(making, "sgr"),
      arn: arn(making, "ec2", `security-group-rule/${ec2Id(making, "sgr")}`),
    }),
  };
}

const balancerPath = (making: Making) =>
  `${making.text("loadBalancerType") === "network" ? "net" : "app"}/${making.text("name")}/${making.hex(16)}`;
const groupPath = (making: Making) => `targetgroup/${making.text("name")}/${making.hex(16)}`;

export const computeModels: Readonly<Record<string, ResourceModel>> = {
  [GROUP]: ec2("sg", "security-group", {
    autoName: named(255),
    replaces: "name namePrefix description vpcId",
    permissions: permissions("ec2", {
      create: `CreateSecurityGroup AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupEgress ${TAGS}`,
      read: "DescribeSecurityGroups",
      update: `AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress RevokeSecurityGroupEgress ${TAGS}`,
      delete: "DeleteSecurityGroup DescribeNetworkInterfaces",
    }),
    references: [toVpc, toSecurityGroups("ingress.securityGroups"), toSecurityGroups("egress.securityGroups")],
    defaults: { description: "Managed by Pulumi", revokeRulesOnDelete: false },
    unique: (making) => [`security-group/${making.text("vpcId")}/${making.text("name")}`],
    quota: { limit: 2_500, name: "VPC security groups per Region" },
  }),
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": rule("Ingress"),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": rule("Egress"),
  "aws:ec2/securityGroupRule:SecurityGroupRule": {
    autoName: "none",
    replaces: replaces(
      "type fromPort toPort protocol cidrBlocks ipv6CidrBlocks prefixListIds securityGroupId self sourceSecurityGroupId",
    ),
    permissions: permissions("ec2", {
      create: "AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress",
      read: "DescribeSecurityGroups DescribeSecurityGroupRules",
      update: "UpdateSecurityGroupRuleDescriptionsIngress UpdateSecurityGroupRuleDescriptionsEgress",
      delete: "RevokeSecurityGroupIngress RevokeSecurityGroupEgress",
    }),
    references: [{ ...toSecurityGroups("securityGroupId"), holds: false }, toSecurityGroups("sourceSecurityGroupId")],
    id: (making) => `sgrule-${1 + making.below(2 ** 31)}`,
    outputs: (making) => ({ securityGroupRuleId: ec2Id(making, "sgr") }),
  },
  "aws:ec2/launchTemplate:LaunchTemplate": ec2("lt", "launch-template", {
    autoName: named(255),
    replaces: "name namePrefix",
    permissions: permissions("ec2", {
      create: `CreateLaunchTemplate ${TAGS}`,
      read: "DescribeLaunchTemplates DescribeLaunchTemplateVersions",
      update: `CreateLaunchTemplateVersion ModifyLaunchTemplate ${TAGS}`,
      delete: "DeleteLaunchTemplate",
    }),
    references: [toSecurityGroups("vpcSecurityGroupIds"), toSecurityGroups("networkInterfaces.securityGroups")],
    unique: (making) => [`launch-template/${making.place["region"] ?? ""}/${making.text("name")}`],
    outputs: () => ({ latestVersion: 1, defaultVersion: 1 }),
  }),
  [BALANCER]: {
    autoName: named(32),
    replaces: replaces("name namePrefix internal loadBalancerType customerOwnedIpv4Pool"),
    permissions: permissions("elasticloadbalancing", {
      create: "CreateLoadBalancer ModifyLoadBalancerAttributes AddTags",
      read: "DescribeLoadBalancers DescribeLoadBalancerAttributes DescribeTags",
      update: "ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets AddTags RemoveTags",
      delete: "DeleteLoadBalancer ec2:DescribeNetworkInterfaces",
    }),
    references: [toSubnets("subnets"), toSubnets("subnetMappings.subnetId"), toSecurityGroups("securityGroups")],
    defaults: {
      loadBalancerType: "application",
      internal: false,
      ipAddressType: "ipv4",
      enableDeletionProtection: false,
    },
    id: (making) => arn(making, "elasticloadbalancing", `loadbalancer/${balancerPath(making)}`),
    unique: (making) => [`load-balancer/${making.place["region"] ?? ""}/${making.text("name")}`],
    outputs: (making) => ({
      arn: arn(making, "elasticloadbalancing", `loadbalancer/${balancerPath(making)}`),
      arnSuffix: balancerPath(making),
      dnsName: host(`${making.text("name")}-${making.below(10 ** 9)}`, making.place["region"] ?? "", "elb"),
      zoneId: "Z0REHEARSEDELB",
      vpcId: making.of("subnets", "vpcId") || making.of("subnetMappings.subnetId", "vpcId"),
    }),
    refuseRemoval: protectedBy("enableDeletionProtection"),
    quota: { limit: 50, name: "load balancers per Region" },
  },
  [TARGET_GROUP]: {
    autoName: named(32),
    replaces: replaces("name namePrefix port protocol protocolVersion targetType vpcId ipAddressType"),
    permissions: permissions("elasticloadbalancing", {
      create: "CreateTargetGroup ModifyTargetGroupAttributes AddTags",
      read: "DescribeTargetGroups DescribeTargetGroupAttributes DescribeTags",
      update: "ModifyTargetGroup ModifyTargetGroupAttributes AddTags RemoveTags",
      delete: "DeleteTargetGroup",
    }),
    references: [toVpc],
    defaults: { targetType: "instance", deregistrationDelay: 300 },
    id: (making) => arn(making, "elasticloadbalancing", groupPath(making)),
    unique: (making) => [`target-group/${making.place["region"] ?? ""}/${making.text("name")}`],
    outputs: (making) => ({
      arn: arn(making, "elasticloadbalancing", groupPath(making)),
      arnSuffix: groupPath(making),
    }),
  },
  "aws:lb/listener:Listener": {
    autoName: "none",
    replaces: replaces("loadBalancerArn"),
    permissions: permissions("elasticloadbalancing", {
      create: "CreateListener AddTags",
      read: "DescribeListeners DescribeListenerAttributes DescribeTags",
      update: "ModifyListener ModifyListenerAttributes AddTags RemoveTags",
      delete: "DeleteListener",
    }),
    // A load balancer is removed with its listeners.
    references: [
      { at: "loadBalancerArn", to: BALANCER, holds: false },
      { at: "defaultActions.targetGroupArn", to: TARGET_GROUP },
      { at: "certificateArn", to: "aws:acm/certificate:Certificate" },
    ],
    id: listenerArn,
    outputs: (making) => ({ arn: listenerArn(making) }),
  },
  "aws:cloudwatch/logGroup:LogGroup": {
    autoName: named(512),
    replaces: replaces("name namePrefix logGroupClass"),
    permissions: permissions("logs", {
      create: `CreateLogGroup PutRetentionPolicy AssociateKmsKey ${tagging("logs")}`,
      read: "DescribeLogGroups ListTagsForResource",
      update: `PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey DisassociateKmsKey ${tagging("logs")}`,
      delete: "DeleteLogGroup",
    }),
    references: [toKey("kmsKeyId")],
    defaults: { logGroupClass: "STANDARD", retentionInDays: 0, skipDestroy: false, deletionProtectionEnabled: false },
    id: (making) => making.text("name"),
    unique: (making) => [`log-group/${making.place["region"] ?? ""}/${making.text("name")}`],
    outputs: (making) => ({ arn: arn(making, "logs", `log-group:${making.text("name")}`) }),
    refuseRemoval: protectedBy("deletionProtectionEnabled"),
    stays: (outputs) => outputs["skipDestroy"] === true,
  },
  "aws:ec2/flowLog:FlowLog": {
    autoName: "none",
    replaces: words(
      "region deliverCrossAccountRole destinationOptions eniId iamRoleArn logDestination logDestinationType logFormat maxAggregationInterval subnetId trafficType transitGatewayAttachmentId transitGatewayId vpcId",
    ),
    permissions: permissions("ec2", {
      create: `CreateFlowLogs ${TAGS} iam:PassRole logs:CreateLogDelivery`,
      read: "DescribeFlowLogs",
      update: TAGS,
      delete: "DeleteFlowLogs logs:DeleteLogDelivery",
    }),
    references: [
      { ...toVpc, holds: false },
      { ...toSubnets("subnetId"), holds: false },
    ],
    defaults: { logDestinationType: "cloud-watch-logs", maxAggregationInterval: 600 },
    id: (making) => ec2Id(making, "fl"),
    outputs: (making) => ({ arn: arn(making, "ec2", `vpc-flow-log/${ec2Id(making, "fl")}`) }),
  },
};

function listenerArn(making: Making): string {
  const balancer = making.of("loadBalancerArn", "arnSuffix");
  return arn(making, "elasticloadbalancing", `listener/${balancer}/${making.hex(16)}`);
}
