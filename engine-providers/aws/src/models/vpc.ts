/**
 * Networks. What replaces: `ForceNew` in hashicorp/terraform-provider-aws (internal/service/ec2) and the SDK's
 * documentation; names: `resource_overrides.go` of pulumi-aws; so in the other files of this folder. README.md says
 * which files of the provider were compared line by line.
 */
import { asText, isWithin, overlap } from "@automatos/provider-rehearsal";
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { ec2, permissions, toSubnets, toVpc } from "../declare.ts";
import { ec2Id, host } from "../names.ts";

const SUBNET = "aws:ec2/subnet:Subnet";
const GATEWAY = "aws:ec2/internetGateway:InternetGateway";
const NAT = "aws:ec2/natGateway:NatGateway";
const EIP = "aws:ec2/eip:Eip";
const TAGS = "CreateTags DeleteTags";

/** A subnet lies in its VPC and beside the others. */
function misplaced(making: Making): string | undefined {
  const range = making.text("cidrBlock");
  const vpcRange = making.of("vpcId", "cidrBlock");
  if (vpcRange !== "" && !isWithin(range, vpcRange))
    return `InvalidSubnet.Range: The CIDR '${range}' is invalid: the VPC has ${vpcRange}`;
  const mine = ec2Id(making, "subnet");
  const clash = making.cloud
    .ofType(SUBNET)
    .find(
      ({ id, outputs }) =>
        id !== mine && outputs["vpcId"] === making.text("vpcId") && overlap(range, asText(outputs["cidrBlock"])),
    );
  return clash && `InvalidSubnet.Conflict: The CIDR '${range}' conflicts with another subnet: ${clash.id}`;
}

const zoneOf = (making: Making) => making.text("availabilityZone") || `${making.place["region"] ?? ""}a`;

export const vpcModels: Readonly<Record<string, ResourceModel>> = {
  "aws:ec2/vpc:Vpc": ec2("vpc", "vpc", {
    replaces: "cidrBlock ipv4IpamPoolId ipv4NetmaskLength",
    permissions: permissions("ec2", {
      create: `CreateVpc ModifyVpcAttribute ${TAGS}`,
      read: "DescribeVpcs DescribeVpcAttribute DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups",
      update: `ModifyVpcAttribute ModifyVpcTenancy ${TAGS}`,
      delete: "DeleteVpc",
    }),
    defaults: {
      enableDnsSupport: true,
      enableDnsHostnames: false,
      instanceTenancy: "default",
      enableNetworkAddressUsageMetrics: false,
      assignGeneratedIpv6CidrBlock: false,
    },
    quota: { limit: 5, name: "VPCs per Region" },
    outputs: (making) => ({
      mainRouteTableId: ec2Id(making, "rtb"),
      defaultRouteTableId: ec2Id(making, "rtb"),
      defaultNetworkAclId: ec2Id(making, "acl"),
      defaultSecurityGroupId: ec2Id(making, "sg"),
      dhcpOptionsId: ec2Id(making, "dopt"),
      ipv6CidrBlock: making.isTrue("assignGeneratedIpv6CidrBlock") ? "2001:db8::/56" : "",
      ipv6AssociationId: "",
      ipv6CidrBlockNetworkBorderGroup: "",
    }),
  }),
  [SUBNET]: ec2("subnet", "subnet", {
    replaces:
      "availabilityZone availabilityZoneId cidrBlock ipv4IpamPoolId ipv4NetmaskLength ipv6IpamPoolId ipv6Native ipv6NetmaskLength outpostArn vpcId",
    permissions: permissions("ec2", {
      create: `CreateSubnet ModifySubnetAttribute ${TAGS}`,
      read: "DescribeSubnets",
      update: `ModifySubnetAttribute ${TAGS}`,
      delete: "DeleteSubnet DescribeNetworkInterfaces",
    }),
    references: [toVpc],
    defaults: {
      mapPublicIpOnLaunch: false,
      assignIpv6AddressOnCreation: false,
      enableDns64: false,
      ipv6Native: false,
      privateDnsHostnameTypeOnLaunch: "ip-name",
    },
    refuse: misplaced,
    quota: { limit: 200, name: "subnets per VPC" },
    outputs: (making) => ({
      availabilityZone: zoneOf(making),
      availabilityZoneId: `rehearsed-az${zoneOf(making).slice(-1)}`,
      ipv6CidrBlockAssociationId: "",
      ipv6CidrBlock: making.text("ipv6CidrBlock"),
    }),
  }),
  [GATEWAY]: ec2("igw", "internet-gateway", {
    replaces: "",
    permissions: permissions("ec2", {
      create: `CreateInternetGateway AttachInternetGateway ${TAGS}`,
      read: "DescribeInternetGateways",
      update: `AttachInternetGateway DetachInternetGateway ${TAGS}`,
      delete: "DetachInternetGateway DeleteInternetGateway",
    }),
    references: [toVpc],
    refuse: (making) => {
      const mine = ec2Id(making, "igw");
      const vpc = making.text("vpcId");
      const other = making.cloud
        .ofType(GATEWAY)
        .find(({ id, outputs }) => vpc !== "" && id !== mine && outputs["vpcId"] === vpc);
      return other && `Resource.AlreadyAssociated: resource ${vpc} has ${other.id} attached already`;
    },
  }),
  [EIP]: ec2("eipalloc", "elastic-ip", {
    replaces: "address domain ipamPoolId networkBorderGroup publicIpv4Pool",
    permissions: permissions("ec2", {
      create: `AllocateAddress AssociateAddress ${TAGS}`,
      read: "DescribeAddresses DescribeAddressesAttribute",
      update: `AssociateAddress DisassociateAddress ${TAGS}`,
      delete: "DisassociateAddress ReleaseAddress",
    }),
    defaults: { domain: "vpc" },
    quota: { limit: 5, name: "EC2-VPC Elastic IPs" },
    outputs: (making) => ({
      allocationId: ec2Id(making, "eipalloc"),
      publicIp: making.ip(),
      publicDns: host(`ec2-${making.ip().replaceAll(".", "-")}`, making.place["region"] ?? ""),
      publicIpv4Pool: making.text("publicIpv4Pool") || "amazon",
      networkBorderGroup: making.text("networkBorderGroup") || (making.place["region"] ?? ""),
      associationId: "",
      carrierIp: "",
      customerOwnedIp: "",
      instance: making.text("instance"),
      ipamPoolId: making.text("ipamPoolId"),
      networkInterface: making.text("networkInterface"),
      privateDns: "",
      privateIp: "",
      ptrRecord: "",
    }),
  }),
  [NAT]: ec2("nat", "natgateway", {
    replaces: "allocationId connectivityType privateIp secondaryPrivateIpAddressCount subnetId availabilityMode",
    permissions: permissions("ec2", {
      create: `CreateNatGateway ${TAGS}`,
      read: "DescribeNatGateways",
      update: TAGS,
      delete: "DeleteNatGateway",
    }),
    references: [toSubnets("subnetId"), { at: "allocationId", to: EIP }],
    defaults: { connectivityType: "public" },
    quota: { limit: 15, name: "NAT gateways" },
    outputs: (making) => ({
      publicIp: making.of("allocationId", "publicIp"),
      privateIp: making.text("privateIp") || making.ip("private"),
      networkInterfaceId: ec2Id(making, "eni"),
      associationId: ec2Id(making, "eipassoc"),
      vpcId: making.of("subnetId", "vpcId") || making.text("vpcId"),
    }),
  }),
};
