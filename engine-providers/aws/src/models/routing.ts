/** Routes, peerings and endpoints of networks. Sources as in vpc.ts. */
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { ec2, permissions, toSecurityGroups, toSubnets, toVpc, words } from "../declare.ts";
import { ACCOUNT, ec2Id, host } from "../names.ts";

const ROUTE_TABLE = "aws:ec2/routeTable:RouteTable";
const PEERING = "aws:ec2/vpcPeeringConnection:VpcPeeringConnection";
const ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint";
const TAGS = "CreateTags DeleteTags";

const routeTargets = [
  {
    at: "gatewayId",
    to: "aws:ec2/internetGateway:InternetGateway",
    isBuiltIn: (value: string) => value === "local" || /^(vgw|vpce)-/.test(value),
  },
  { at: "natGatewayId", to: "aws:ec2/natGateway:NatGateway" },
  { at: "vpcPeeringConnectionId", to: PEERING },
  { at: "vpcEndpointId", to: ENDPOINT },
];

export const routingModels: Readonly<Record<string, ResourceModel>> = {
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
    replaces:
      "vpcId serviceName vpcEndpointType serviceRegion dnsOptions.privateDnsPreference dnsOptions.privateDnsSpecifiedDomains resourceConfigurationArn serviceNetworkArn",
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
