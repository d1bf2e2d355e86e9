import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { RehearsedStack } from "../../rehearsal/tests/support/stack.ts";

const IMPORTS = `
import * as pulumi from "@pulumi/pulumi";
import * as aws from "@pulumi/aws";
import * as acm from "@pulumi/aws/acm/index.js";
import * as cloudwatch from "@pulumi/aws/cloudwatch/index.js";
import * as ec2 from "@pulumi/aws/ec2/index.js";
import * as ecr from "@pulumi/aws/ecr/index.js";
import * as eks from "@pulumi/aws/eks/index.js";
import * as elasticache from "@pulumi/aws/elasticache/index.js";
import * as iam from "@pulumi/aws/iam/index.js";
import * as kms from "@pulumi/aws/kms/index.js";
import * as rds from "@pulumi/aws/rds/index.js";
import * as route53 from "@pulumi/aws/route53/index.js";
import * as s3 from "@pulumi/aws/s3/index.js";
import * as secretsmanager from "@pulumi/aws/secretsmanager/index.js";
`;

/** What a stack on AWS is made of, with all that one names of the other. */
const LANDSCAPE = `
const caller = aws.getCallerIdentityOutput({});
const zones = aws.getAvailabilityZonesOutput({ state: "available" });
const vpc = new ec2.Vpc("vpc", { cidrBlock: "10.0.0.0/16", enableDnsHostnames: true, tags: { team: "platform" } });
const gateway = new ec2.InternetGateway("igw", { vpcId: vpc.id });
const subnets = [0, 1].map((index) => new ec2.Subnet(\`subnet-\${index}\`, { vpcId: vpc.id, cidrBlock: \`10.0.\${index}.0/24\`, availabilityZone: zones.names[index] }));
const [first] = subnets;
const eip = new ec2.Eip("nat", { domain: "vpc" });
const nat = new ec2.NatGateway("nat", { subnetId: first.id, allocationId: eip.id }, { dependsOn: gateway });
const routes = new ec2.RouteTable("routes", { vpcId: vpc.id, routes: [{ cidrBlock: "0.0.0.0/0", natGatewayId: nat.id }] });
subnets.map((subnet, index) => new ec2.RouteTableAssociation(\`routes-\${index}\`, { subnetId: subnet.id, routeTableId: routes.id }));
const group = new ec2.SecurityGroup("web", { vpcId: vpc.id, ingress: [{ protocol: "tcp", fromPort: 443, toPort: 443, cidrBlocks: ["0.0.0.0/0"] }] });
new ec2.VpcEndpoint("s3", { vpcId: vpc.id, serviceName: "com.amazonaws.eu-central-1.s3", routeTableIds: [routes.id] });
const key = new kms.Key("key", { description: "all" });
new kms.Alias("key", { name: "alias/all", targetKeyId: key.keyId });
const trust = iam.getPolicyDocumentOutput({ statements: [{ actions: ["sts:AssumeRole"], principals: [{ type: "Service", identifiers: ["eks.amazonaws.com"] }] }] }).json;
const role = new iam.Role("cluster", { assumeRolePolicy: trust });
const attached = new iam.RolePolicyAttachment("cluster", { role: role.name, policyArn: "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy" });
const policy = new iam.Policy("own", { policy: JSON.stringify({ Version: "2012-10-17", Statement: [] }) });
new iam.RolePolicyAttachment("own", { role: role.name, policyArn: policy.arn });
const cluster = new eks.Cluster("main", { roleArn: role.arn, vpcConfig: { subnetIds: subnets.map((subnet) => subnet.id), securityGroupIds: [group.id] },
  encryptionConfig: { provider: { keyArn: key.arn }, resources: ["secrets"] } }, { dependsOn: attached });
const nodes = new eks.NodeGroup("workers", { clusterName: cluster.name, nodeRoleArn: role.arn, subnetIds: subnets.map((subnet) => subnet.id), scalingConfig: { minSize: 1, desiredSize: 2, maxSize: 3 } });
new eks.Addon("dns", { clusterName: cluster.name, addonName: "coredns" }, { dependsOn: nodes });
new eks.AccessEntry("admin", { clusterName: cluster.name, principalArn: caller.arn });
const issuer = cluster.identities[0].oidcs[0].issuer;
const provider = new iam.OpenIdConnectProvider("oidc", { url: issuer, clientIdLists: ["sts.amazonaws.com"] });
const auth = eks.getClusterAuthOutput({ name: cluster.name });
const groupOfSubnets = new rds.SubnetGroup("db", { subnetIds: subnets.map((subnet) => subnet.id) });
const database = new rds.Instance("pg", { engine: "postgres", engineVersion: "17.4", instanceClass: "db.t4g.medium", allocatedStorage: 20, dbName: "app",
  username: "app", password: "hush-hush", dbSubnetGroupName: groupOfSubnets.name, vpcSecurityGroupIds: [group.id], skipFinalSnapshot: true, kmsKeyId: key.arn, storageEncrypted: true });
const cacheSubnets = new elasticache.SubnetGroup("cache", { subnetIds: subnets.map((subnet) => subnet.id) });
const cache = new elasticache.ReplicationGroup("cache", { description: "cache", nodeType: "cache.t4g.small", numCacheClusters: 2, automaticFailoverEnabled: true,
  subnetGroupName: cacheSubnets.name, securityGroupIds: [group.id], transitEncryptionEnabled: true });
const bucket = new s3.Bucket("artifacts", { forceDestroy: true });
new s3.BucketVersioning("artifacts", { bucket: bucket.id, versioningConfiguration: { status: "Enabled" } });
new s3.BucketPublicAccessBlock("artifacts", { bucket: bucket.id, blockPublicAcls: true, blockPublicPolicy: true });
new s3.BucketObjectv2("readme", { bucket: bucket.id, content: "hello" });
const secret = new secretsmanager.Secret("token", {});
const version = new secretsmanager.SecretVersion("token", { secretId: secret.id, secretString: "top-secret-value" });
const images = new ecr.Repository("images", { name: "images" });
const zone = new route53.Zone("zone", { name: "agents.example.com" });
const certificate = new acm.Certificate("tls", { domainName: "agents.example.com", validationMethod: "DNS" });
const proof = certificate.domainValidationOptions[0];
const record = new route53.Record("proof", { zoneId: zone.zoneId, name: proof.resourceRecordName, type: proof.resourceRecordType, records: [proof.resourceRecordValue], ttl: 60 });
new acm.CertificateValidation("tls", { certificateArn: certificate.arn, validationRecordFqdns: [record.fqdn] });
const logs = new cloudwatch.LogGroup("logs", { name: "/agents", retentionInDays: 7 });

export const outputs = {
  account: caller.accountId, vpc: vpc.id, arn: vpc.arn, subnet: first.id, zone: first.availabilityZone, ip: nat.publicIp, role: role.arn, unique: role.uniqueId,
  endpoint: cluster.endpoint, authority: cluster.certificateAuthority.data, issuer, provider: provider.arn, nodes: nodes.id, token: auth.token,
  database: database.endpoint, cache: cache.primaryEndpointAddress, bucket: bucket.arn, domain: bucket.bucketRegionalDomainName,
  secret: secret.arn, images: images.repositoryUrl, key: key.id, hosted: zone.zoneId, certificate: certificate.arn, logs: logs.arn, trust, tags: vpc.tagsAll,
};
`;

describe("a stack on the rehearsed AWS", () => {
  let stack: RehearsedStack;
  before(async () => {
    stack = await RehearsedStack.create("aws", IMPORTS, { region: "eu-central-1" });
  });
  after(() => stack.remove());

  it("is previewed without touching anything", async () => {
    await stack.program(LANDSCAPE);
    assert.match(await stack.sandbox.succeed("preview"), /warning: AWS is rehearsed: nothing is created/);
    const touched = stack.cloud.ledger().filter(({ action }) => action !== "invoke");
    assert.deepEqual(touched, []);
  });

  it("comes up, with outputs in the cloud's formats that no one can take for the cloud's", async () => {
    assert.match(await stack.up(), /warning: AWS is rehearsed/);
    const { outputs } = (await stack.outputs()) as { outputs: Record<string, unknown> };
    const arn = (service: string, resource: string, region = "eu-central-1") =>
      new RegExp(`^arn:aws:${service}:${region}:000000000000:${resource}$`);
    const patterns: Record<string, RegExp> = {
      account: /^000000000000$/,
      vpc: /^vpc-0000000[0-9a-f]{10}$/,
      arn: arn("ec2", "vpc/vpc-0000000[0-9a-f]{10}"),
      subnet: /^subnet-0000000[0-9a-f]{10}$/,
      zone: /^eu-central-1a$/,
      ip: /^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$/,
      role: arn("iam", "role/cluster-[0-9a-f]{7}", ""),
      unique: /^AROAREHEARSED[A-P]{8}$/,
      endpoint: /^https:\/\/[0-9A-F]{32}\.gr7\.eu-central-1\.eks\.rehearsal\.invalid$/,
      issuer: /^https:\/\/oidc\.eks\.eu-central-1\.rehearsal\.invalid\/id\/[0-9A-F]{32}$/,
      provider: arn("iam", "oidc-provider/oidc\\.eks\\.eu-central-1\\.rehearsal\\.invalid/id/[0-9A-F]{32}", ""),
      nodes: /^main-[0-9a-f]{7}:workers-[0-9a-f]{7}$/,
      token: /^k8s-aws-v1\.rehearsed$/,
      database: /^pg[0-9a-f]{7}\.crehearsed\.eu-central-1\.rds\.rehearsal\.invalid:5432$/,
      cache: /^master\.cache-[0-9a-f]{7}\.rehrsd\.eu-central-1\.cache\.rehearsal\.invalid$/,
      bucket: /^arn:aws:s3:::artifacts-[0-9a-f]{7}$/,
      domain: /^artifacts-[0-9a-f]{7}\.s3\.eu-central-1\.rehearsal\.invalid$/,
      secret: arn("secretsmanager", "secret:token-[0-9a-f]{7}-rehear"),
      images: /^000000000000\.dkr\.ecr\.eu-central-1\.rehearsal\.invalid\/images$/,
      key: /^00000000-0000-4000-8000-[0-9a-f]{12}$/,
      hosted: /^Z0REHEARSED[0-9A-F]{10}$/,
      certificate: arn("acm", "certificate/00000000-0000-4000-8000-[0-9a-f]{12}"),
      logs: arn("logs", "log-group:/agents"),
    };
    for (const [name, pattern] of Object.entries(patterns)) assert.match(String(outputs[name]), pattern, name);
    assert.deepEqual(outputs["tags"], { team: "platform", rehearsed: "true" });
    assert.deepEqual(JSON.parse(String(outputs["trust"])), {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "eks.amazonaws.com" } }],
    });
    const authority = new X509Certificate(Buffer.from(String(outputs["authority"]), "base64"));
    assert.match(authority.subject, /^O=rehearsed$/m);
  });

  it("says in each resource that it is rehearsed", async () => {
    const resources = (await stack.state()).filter(({ type }) => type.startsWith("aws:"));
    assert.ok(resources.length > 35, `${resources.length} resources`);
    for (const { urn, outputs } of resources) assert.equal(outputs?.["rehearsed"], true, urn);
  });

  it("keeps secrets out of the state, the ledger and the pretended cloud", async () => {
    const text = await stack.sandbox.succeed("stack export");
    const kept = JSON.stringify([stack.cloud.ledger(), await stack.cloud.resources()]);
    for (const secret of ["top-secret-value", "hush-hush"])
      assert.ok(!text.includes(secret) && !kept.includes(secret), secret);
  });

  it("is the same on the next run and at refresh", async () => {
    await stack.sandbox.succeed("refresh --yes --skip-preview --expect-no-changes");
    await stack.sandbox.succeed("preview --expect-no-changes");
  });

  it("is repaired when somebody removed a part of it", async () => {
    const id = (await stack.cloud.resources()).find(({ name }) => name === "workers")?.id ?? "";
    assert.ok(await stack.cloud.remove("aws:eks/nodeGroup:NodeGroup", id));
    await stack.refresh();
    assert.match(await stack.up(), /\+ 1 created/);
  });

  it("goes away in the order that the cloud allows", async () => {
    await stack.destroy();
    assert.deepEqual(await stack.cloud.resources(), []);
  });
});
