/**
 * Networks. What replaces: `ForceNew` in hashicorp/terraform-provider-aws (internal/service/ec2) and what the SDK's
 * documentation says; names: `resource_overrides.go` of pulumi-aws; so in the other files of this folder.
 */
import { isWithin, overlap } from "@automatos/provider-rehearsal";
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { ec2, permissions, toSecurityGroups, toSubnets, toVpc, words } from "../declare.ts";
import { ACCOUNT, ec2Id, host } from "../names.ts";

const SUBNET = "aws:ec2/subnet:Subnet";
const ROUTE_TABLE = "aws:ec2/routeTable:RouteTable";
const GATEWAY = "aws:ec2/internetGateway:InternetGateway";
const NAT = "aws:ec2/natGateway:NatGateway";
const EIP = "aws:ec2/eip:Eip";
const PEERING = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection";
const ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint";
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
        id !== mine && outputs["vpcId"] === making.text("vpcId") && overlap(range, String(outputs["cidrBlock"])),
    );
  return clash && `InvalidSubnet.Conflict: The CIDR '${range}' conflicts with another subnet: ${clash.id}`;
}

const routeTargets = [
  { at: "gatewayId", to: GATEWAY, isBuiltIn: (value: string) => value === "local" || /^(vgw|vpce)-/.test(value) },
  { at: "natGatewayId", to: NAT },
  { at: "vpcPeeringConnectionId", to: PEERING },
  { at: "vpcEndpointId", to: ENDPOINT },
];

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
    replaces: "allocationId connectivityType privateIp subnetId availabilityMode",
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
  [ROUTE_TABLE]: ec2("rtb", "route-table", {
    replaces: "vpcId",
    permissions: permissions("ec2", {
      create: `CreateRouteTable CreateRoute ${TAGS}`,
      read: "DescribeRouteTables",
      update: `CreateRoute ReplaceRoute DeleteRoute ${TAGS}`,
      delete: "DeleteRouteTable DisassociateRouteTable",
    }),
    references: [toVpc, ...routeTargets.map((target) => ({ ...target, at: `routes.${target.at}` }))],
    quota: { limit: 200, name: "route tables per VPC" },
  }),
  "aws:ec2/route:Route": {
    autoName: "none",
    replaces: words("region routeTableId destinationCidrBlock destinationIpv6CidrBlock destinationPrefixListId"),
    permissions: permissions("ec2", {
      create: "CreateRoute",
      read: "DescribeRouteTables",
      update: "ReplaceRoute",
      delete: "DeleteRoute",
    }),
    references: [{ at: "routeTableId", to: ROUTE_TABLE, holds: false }, ...routeTargets],
    id: (making) => `r-${making.text("routeTableId")}${hash(destination(making))}`,
    unique: (making) => [`route/${making.text("routeTableId")}/${destination(making)}`],
    outputs: () => ({
      origin: "CreateRoute",
      state: "active",
      instanceId: "",
      instanceOwnerId: "",
      networkInterfaceId: "",
    }),
  },
  "aws:ec2/routeTableAssociation:RouteTableAssociation": {
    autoName: "none",
    replaces: words("region subnetId gatewayId"),
    permissions: permissions("ec2", {
      create: "AssociateRouteTable",
      read: "DescribeRouteTables",
      update: "ReplaceRouteTableAssociation",
      delete: "DisassociateRouteTable",
    }),
    references: [{ at: "routeTableId", to: ROUTE_TABLE }, toSubnets("subnetId")],
    id: (making) => ec2Id(making, "rtbassoc"),
    unique: (making) => (making.text("subnetId") === "" ? [] : [`route-table-of/${making.text("subnetId")}`]),
  },
  [PEERING]: {
    autoName: "none",
    replaces: words("region vpcId peerVpcId peerOwnerId peerRegion"),
    permissions: permissions("ec2", {
      create: `CreateVpcPeeringConnection AcceptVpcPeeringConnection ${TAGS}`,
      read: "DescribeVpcPeeringConnections",
      update: `ModifyVpcPeeringConnectionOptions AcceptVpcPeeringConnection ${TAGS}`,
      delete: "DeleteVpcPeeringConnection",
    }),
    // Another account's VPC is not in this cloud.
    references: [toVpc, { ...toVpc, at: "peerVpcId", read: (value, making) => (isOwn(making) ? value : undefined) }],
    id: (making) => ec2Id(making, "pcx"),
    outputs: (making) => ({
      acceptStatus: making.isTrue("autoAccept") ? "active" : "pending-acceptance",
      peerOwnerId: making.text("peerOwnerId") || ACCOUNT,
      peerRegion: making.text("peerRegion") || (making.place["region"] ?? ""),
      accepter: { allowRemoteVpcDnsResolution: false },
      requester: { allowRemoteVpcDnsResolution: false },
    }),
  },
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": {
    autoName: "none",
    replaces: words("region vpcPeeringConnectionId"),
    permissions: permissions("ec2", {
      create: `AcceptVpcPeeringConnection ${TAGS}`,
      read: "DescribeVpcPeeringConnections",
      update: `ModifyVpcPeeringConnectionOptions ${TAGS}`,
      delete: "DescribeVpcPeeringConnections",
    }),
    references: [{ at: "vpcPeeringConnectionId", to: PEERING }],
    id: (making) => making.text("vpcPeeringConnectionId"),
    outputs: (making) => ({
      acceptStatus: making.isTrue("autoAccept") ? "active" : "pending-acceptance",
      vpcId: making.of("vpcPeeringConnectionId", "peerVpcId"),
      peerVpcId: making.of("vpcPeeringConnectionId", "vpcId"),
      peerOwnerId: ACCOUNT,
      peerRegion: making.place["region"] ?? "",
      accepter: { allowRemoteVpcDnsResolution: false },
      requester: { allowRemoteVpcDnsResolution: false },
    }),
  },
  [ENDPOINT]: ec2("vpce", "vpc-endpoint", {
    replaces: "vpcId serviceName vpcEndpointType serviceRegion resourceConfigurationArn serviceNetworkArn",
    permissions: permissions("ec2", {
      create: `CreateVpcEndpoint ${TAGS}`,
      read: "DescribeVpcEndpoints DescribePrefixLists",
      update: `ModifyVpcEndpoint ${TAGS}`,
      delete: "DeleteVpcEndpoints",
    }),
    references: [
      toVpc,
      toSubnets("subnetIds"),
      toSecurityGroups("securityGroupIds"),
      { at: "routeTableIds", to: ROUTE_TABLE },
    ],
    defaults: { vpcEndpointType: "Gateway", privateDnsEnabled: false, ipAddressType: "ipv4" },
    quota: { limit: 50, name: "VPC endpoints per VPC" },
    outputs: (making) => ({
      state: "available",
      prefixListId: making.text("vpcEndpointType") === "Gateway" ? ec2Id(making, "pl") : "",
      networkInterfaceIds: making.texts("subnetIds").map((subnet) => ec2Id(making, "eni", subnet)),
      dnsEntries: [
        { dnsName: host(ec2Id(making, "vpce"), making.place["region"] ?? "", "vpce"), hostedZoneId: "Z0REHEARSED" },
      ],
      requesterManaged: false,
      policy: making.text("policy") || "{}",
    }),
  }),
};

function isOwn(making: Making): boolean {
  const owner = making.text("peerOwnerId");
  const region = making.text("peerRegion");
  return (owner === "" || owner === ACCOUNT) && (region === "" || region === making.place["region"]);
}

function destination(making: Making): string {
  return (
    making.text("destinationCidrBlock") ||
    making.text("destinationIpv6CidrBlock") ||
    making.text("destinationPrefixListId")
  );
}

/** Terraform's ids of routes end in a checksum of the destination. */
function hash(text: string): string {
  let sum = 0;
  for (const letter of text) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 2 ** 31;
  return String(sum);
}
