/** The functions of @pulumi/aws that can be answered out of the pretended cloud. */
import { Secret } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { firstText, textAt, textsAt } from "@automatos/provider-rehearsal";
import type { CloudFunction, FunctionCall, Properties } from "@automatos/provider-rehearsal";
import { ACCOUNT } from "./names.ts";
import { policyDocument } from "./policy-document.ts";

const text = (args: PropertyMap, key: string) => textAt(args, key) ?? "";
const regionOf = ({ args, place }: FunctionCall) => text(args, "region") || (place["region"] ?? "");

/** The resource that the argument names, with all of its outputs. */
const lookUp =
  (type: string | readonly string[], argument: string): CloudFunction =>
  ({ args, find }) =>
    find(type, text(args, argument));

const CALLER_ARN = `arn:aws:iam::${ACCOUNT}:user/rehearsed`;

/** Those in this cloud that have all of these properties. */
function having(call: FunctionCall, type: string, wanted: Readonly<Record<string, string>>): Properties[] {
  return call.cloud
    .ofType(type)
    .filter(({ outputs }) => Object.entries(wanted).every(([key, value]) => value === "" || outputs[key] === value))
    .map(({ id }) => call.find(type, id));
}

/** `filters: [{ name: "vpc-id", values: [...] }]`, as far as it names VPCs. */
function vpcFilter(args: PropertyMap): string {
  const filters = args["filters"];
  if (!Array.isArray(filters)) return text(args, "vpcId");
  const filter = (filters as readonly PropertyValue[]).find((item) => textAt(item, "name") === "vpc-id");
  return textsAt(filter, "values")[0] ?? text(args, "vpcId");
}

export const awsFunctions: ReadonlyMap<string, CloudFunction> = new Map<string, CloudFunction>(
  Object.entries({
    "aws:index/getCallerIdentity:getCallerIdentity": () => ({
      id: ACCOUNT,
      accountId: ACCOUNT,
      arn: CALLER_ARN,
      userId: "AIDAREHEARSED00000000",
    }),
    "aws:index/getRegion:getRegion": (call) => {
      const region = regionOf(call);
      return {
        id: region,
        name: region,
        region,
        description: `rehearsed (${region})`,
        endpoint: `ec2.${region}.rehearsal.invalid`,
      };
    },
    "aws:index/getPartition:getPartition": ({ place }) => ({
      id: place["partition"] ?? "aws",
      partition: place["partition"] ?? "aws",
      dnsSuffix: "rehearsal.invalid",
      reverseDnsPrefix: "invalid.rehearsal",
    }),
    "aws:index/getAvailabilityZones:getAvailabilityZones": (call) => {
      const region = regionOf(call);
      const letters = ["a", "b", "c"];
      return {
        id: region,
        region,
        names: letters.map((letter) => `${region}${letter}`),
        zoneIds: letters.map((letter) => `rehearsed-az${letter}`),
        groupNames: [region],
      };
    },
    "aws:index/getDefaultTags:getDefaultTags": () => ({ id: "rehearsed", tags: {} }),
    "aws:iam/getPolicyDocument:getPolicyDocument": ({ args }) => policyDocument(args),
    "aws:iam/getRole:getRole": lookUp("aws:iam/role:Role", "name"),
    "aws:iam/getPolicy:getPolicy": ({ args, find }) =>
      find("aws:iam/policy:Policy", text(args, "arn") || text(args, "name")),
    "aws:eks/getCluster:getCluster": lookUp("aws:eks/cluster:Cluster", "name"),
    "aws:eks/getClusterAuth:getClusterAuth": ({ args, cluster, find }) => {
      const name = text(args, "name");
      find("aws:eks/cluster:Cluster", name);
      return { id: name, name, token: new Secret(firstText(cluster(name)?.token, "k8s-aws-v1.rehearsed")) };
    },
    "aws:ec2/getVpc:getVpc": (call) => {
      const id = text(call.args, "id");
      if (id !== "") return call.find("aws:ec2/vpc:Vpc", id);
      const [vpc] = having(call, "aws:ec2/vpc:Vpc", { cidrBlock: text(call.args, "cidrBlock") });
      return vpc ?? call.find("aws:ec2/vpc:Vpc", "(no id was given)");
    },
    "aws:ec2/getSubnet:getSubnet": lookUp("aws:ec2/subnet:Subnet", "id"),
    "aws:ec2/getSubnets:getSubnets": (call) => {
      const subnets = having(call, "aws:ec2/subnet:Subnet", { vpcId: vpcFilter(call.args) });
      return {
        id: regionOf(call),
        region: regionOf(call),
        ids: subnets.map(({ id }) => id ?? null),
        filters: call.args["filters"],
        tags: {},
      };
    },
    "aws:ec2/getSecurityGroup:getSecurityGroup": ({ args, find }) =>
      find("aws:ec2/securityGroup:SecurityGroup", text(args, "id") || text(args, "name")),
    "aws:ecr/getRepository:getRepository": lookUp("aws:ecr/repository:Repository", "name"),
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": (call) => ({
      id: regionOf(call),
      region: regionOf(call),
      userName: "AWS",
      password: new Secret("rehearsed"),
      authorizationToken: new Secret(Buffer.from("AWS:rehearsed").toString("base64")),
      proxyEndpoint: `https://${ACCOUNT}.dkr.ecr.${regionOf(call)}.rehearsal.invalid`,
      expiresAt: "1970-01-01T00:00:00Z",
    }),
    "aws:kms/getKey:getKey": lookUp(["aws:kms/key:Key", "aws:kms/alias:Alias"], "keyId"),
    "aws:kms/getAlias:getAlias": lookUp("aws:kms/alias:Alias", "name"),
    "aws:rds/getInstance:getInstance": lookUp("aws:rds/instance:Instance", "dbInstanceIdentifier"),
    "aws:route53/getZone:getZone": ({ args, find }) =>
      find("aws:route53/zone:Zone", text(args, "zoneId") || text(args, "name").replace(/\.$/, "")),
    "aws:s3/getBucket:getBucket": lookUp(["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"], "bucket"),
    "aws:secretsmanager/getSecret:getSecret": ({ args, find }) =>
      find("aws:secretsmanager/secret:Secret", text(args, "arn") || text(args, "name")),
  } satisfies Record<string, CloudFunction>),
);
