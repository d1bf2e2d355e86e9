import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { asText } from "../../rehearsal/src/values.ts";
import { Secret, Unknown } from "@automatos/provider-plugin";
import { InProcess } from "../../rehearsal/tests/support/in-process.ts";
import type { MadeResource } from "../../rehearsal/tests/support/in-process.ts";
import { aws, awsPermissions } from "../src/index.ts";

const VPC = "aws:ec2/vpc:Vpc";
const SUBNET = "aws:ec2/subnet:Subnet";
const ROLE = "aws:iam/role:Role";
const ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
const CLUSTER = "aws:eks/cluster:Cluster";
const INSTANCE = "aws:rds/instance:Instance";
const BUCKET = "aws:s3/bucket:Bucket";
const OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2";
const TRUST = JSON.stringify({ Version: "2012-10-17", Statement: [] });
const AWS_POLICY = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy";

describe("AWS's rules", () => {
  let cloud: InProcess;
  beforeEach(async () => {
    cloud = await InProcess.start(aws, { region: "eu-central-1" });
  });
  afterEach(() => cloud.remove());

  const vpc = (name: string, more = {}) => cloud.create(VPC, name, { cidrBlock: "10.0.0.0/16", ...more });
  const subnets = async ({ id }: MadeResource) =>
    Promise.all(
      ["a", "b"].map((zone, index) =>
        cloud.create(SUBNET, `s-${zone}`, {
          vpcId: id,
          cidrBlock: `10.0.${index}.0/24`,
          availabilityZone: `eu-central-1${zone}`,
        }),
      ),
    );

  it("refuses properties and values that are wrong", async () => {
    const { failures } = await cloud.check(VPC, "v", { cidrBlok: "10.0.0.0/16" });
    assert.match(failures?.[0]?.reason ?? "", /Invalid or unknown key\. Did you mean "cidrBlock"\?/);
    const policy = await cloud.check(ROLE, "r", { assumeRolePolicy: "{" });
    assert.match(policy.failures?.[0]?.reason ?? "", /contains an invalid JSON/);
    const bucket = await cloud.check(BUCKET, "b", { bucket: "No_Bucket" });
    assert.match(bucket.failures?.[0]?.reason ?? "", /InvalidBucketName/);
    const alias = await cloud.check("aws:kms/alias:Alias", "a", { name: "all", targetKeyId: "k" });
    assert.match(alias.failures?.[0]?.reason ?? "", /must begin with 'alias\/'/);
    await assert.rejects(cloud.create("aws:ec2/cloud:Cloud", "c"), /no class there has this type/);
  });

  it("gives names as the real provider does", async () => {
    const nameOf = async (type: string, property: string, given = {}) =>
      asText((await cloud.check(type, "The-Name", given)).inputs[property]);
    assert.match(await nameOf(ROLE, "name", { assumeRolePolicy: TRUST }), /^The-Name-[0-9a-f]{7}$/);
    assert.match(await nameOf(BUCKET, "bucket"), /^the-name-[0-9a-f]{7}$/);
    assert.match(await nameOf(INSTANCE, "identifier", { instanceClass: "c" }), /^The-Name[0-9a-f]{7}$/);
    assert.equal(await nameOf(OBJECT, "key", { bucket: "b" }), "The-Name");
    assert.equal(await nameOf(VPC, "name"), "");
  });

  it("has one bucket of a name in the world, one role in the account, one cluster in the region", async () => {
    await cloud.create(BUCKET, "a", { bucket: "artifacts" });
    await assert.rejects(
      cloud.create(BUCKET, "b", { bucket: "artifacts", region: "us-east-1" }),
      /EntityAlreadyExists: Bucket 'artifacts'/,
    );
    await cloud.create(ROLE, "a", { name: "Nodes", assumeRolePolicy: TRUST });
    await assert.rejects(cloud.create(ROLE, "b", { name: "nodes", assumeRolePolicy: TRUST }), /already exists/);
  });

  it("wants what is named to be there", async () => {
    await assert.rejects(
      cloud.create(SUBNET, "s", { vpcId: "vpc-0000000aaaaaaaaaa", cidrBlock: "10.0.0.0/24" }),
      /InvalidParameterValue: 'vpc-0000000aaaaaaaaaa' does not exist; Subnet 's' names it in vpcId/,
    );
    await cloud.create(ROLE, "r", { name: "r", assumeRolePolicy: TRUST });
    await cloud.create(ATTACHMENT, "ofAws", { role: "r", policyArn: AWS_POLICY });
    const own = { role: "r", policyArn: "arn:aws:iam::000000000000:policy/none" };
    await assert.rejects(cloud.create(ATTACHMENT, "own", own), /does not exist/);
  });

  it("keeps what is in use", async () => {
    const net = await vpc("net");
    const [first] = await subnets(net);
    await assert.rejects(cloud.delete(net), /DependencyViolation: Vpc 'vpc-0000000\w+' has dependencies .*Subnet/);
    assert.ok(first);
    const role = await cloud.create(ROLE, "r", { assumeRolePolicy: TRUST });
    await cloud.create(ATTACHMENT, "a", { role: asText(role.inputs["name"]), policyArn: AWS_POLICY });
    await assert.rejects(cloud.delete(role), /has dependencies and cannot be deleted: RolePolicyAttachment/);
    const bucket = await cloud.create(BUCKET, "b");
    await cloud.create(OBJECT, "o", { bucket: bucket.id, content: "x" });
    await assert.rejects(cloud.delete(bucket), /has dependencies/);
    const forced = await cloud.update(bucket, { forceDestroy: true });
    await cloud.delete(forced);
  });

  it("refuses what the services refuse", async () => {
    const net = await vpc("net");
    const [first] = await subnets(net);
    const outside = cloud.create(SUBNET, "out", { vpcId: net.id, cidrBlock: "10.1.0.0/24" });
    await assert.rejects(
      outside,
      /InvalidSubnet\.Range: The CIDR '10\.1\.0\.0\/24' is invalid: the VPC has 10\.0\.0\.0\/16/,
    );
    await assert.rejects(
      cloud.create(SUBNET, "twice", { vpcId: net.id, cidrBlock: "10.0.1.128/25" }),
      /InvalidSubnet\.Conflict/,
    );
    await cloud.create("aws:ec2/internetGateway:InternetGateway", "one", { vpcId: net.id });
    const second = cloud.create("aws:ec2/internetGateway:InternetGateway", "two", { vpcId: net.id });
    await assert.rejects(second, /Resource\.AlreadyAssociated/);
    const role = await cloud.create(ROLE, "r", { assumeRolePolicy: TRUST });
    const single = { roleArn: asText(role.outputs["arn"]), vpcConfig: { subnetIds: [first?.id ?? ""] } };
    await assert.rejects(cloud.create(CLUSTER, "c", single), /at least two different AZs/);
  });

  it("respects protection and last snapshots", async () => {
    const base = { instanceClass: "db.t4g.micro", engine: "postgres" };
    const guarded = await cloud.create(INSTANCE, "g", { ...base, deletionProtection: true, skipFinalSnapshot: true });
    await assert.rejects(cloud.delete(guarded), /cannot be deleted because deletionProtection is enabled/);
    await cloud.delete(await cloud.update(guarded, { ...base, deletionProtection: false, skipFinalSnapshot: true }));
    const kept = await cloud.create(INSTANCE, "k", base);
    await assert.rejects(cloud.delete(kept), /finalSnapshotIdentifier is required when skipFinalSnapshot is false/);
  });

  it("has quotas for each region", async () => {
    for (let index = 0; index < 5; index += 1) await vpc(`v${index}`);
    await assert.rejects(vpc("v5"), /LimitExceeded: The maximum number of VPCs per Region \(5\) has been reached/);
    await vpc("elsewhere", { region: "us-east-1" });
    const more = await InProcess.start(aws, { region: "eu-central-1" }, { quotas: { [VPC]: 0 } });
    await assert.rejects(more.create(VPC, "v", { cidrBlock: "10.0.0.0/16" }), /\(0\) has been reached/);
    await more.remove();
  });

  it("knows what replaces a resource", async () => {
    const net = await vpc("net");
    assert.deepEqual((await cloud.diff(net, { cidrBlock: "10.1.0.0/16" })).replaces, ["cidrBlock"]);
    assert.deepEqual((await cloud.diff(net, { cidrBlock: "10.0.0.0/16", enableDnsHostnames: true })).replaces, []);
    assert.deepEqual((await cloud.diff(net, { cidrBlock: "10.0.0.0/16", region: "us-east-1" })).replaces, ["region"]);
    const tags = await cloud.diff(net, { cidrBlock: "10.0.0.0/16", tags: { a: "b" } });
    assert.deepEqual([tags.changes, tags.replaces], [true, []]);
  });

  it("finds a new role late, and is asked again", async () => {
    const late = { fault: "eventual-consistency" as const, type: "aws:iam/role:Role", failures: 3 };
    const slow = await InProcess.start(
      aws,
      { region: "eu-central-1" },
      { consistency: { retries: 2 }, faults: [late] },
    );
    await slow.create(ROLE, "r", { name: "r", assumeRolePolicy: TRUST });
    const attach = () => slow.create(ATTACHMENT, "a", { role: "r", policyArn: AWS_POLICY });
    await assert.rejects(attach(), /InvalidParameterException: 'r' does not exist or cannot be assumed \(yet\)/);
    await attach();
    assert.deepEqual(slow.story("r"), ["create done (eventual-consistency)"]);
    assert.deepEqual(slow.story("a"), ["create failed", "create done"]);
    const another = await slow.create(ROLE, "another", { assumeRolePolicy: TRUST });
    assert.equal(await slow.read(another), undefined);
    assert.equal((await slow.read(another))?.id, another.id);
    await slow.remove();
  });

  it("denies by the action's name, and says what each needs", async () => {
    const denied = { fault: "permission-denied" as const, permission: "ec2:CreateVpc" };
    const closed = await InProcess.start(aws, { region: "eu-central-1" }, { faults: [denied] });
    await assert.rejects(
      closed.create(VPC, "v", { cidrBlock: "10.0.0.0/16" }),
      /rehearsed aws: .*UnauthorizedOperation: User: arn:aws:iam::000000000000:user\/rehearsed is not authorized to perform: ec2:CreateVpc/,
    );
    await closed.remove();
    assert.ok(awsPermissions().get(CLUSTER)?.create.includes("eks:CreateCluster"));
  });

  it("has tags of the provider, of the program and its own", async () => {
    const config = { region: "eu-central-1", defaultTags: JSON.stringify({ tags: { owner: "us" } }) };
    const tagged = await InProcess.start(aws, config);
    const net = await tagged.create(VPC, "v", { cidrBlock: "10.0.0.0/16", tags: { team: "p" } });
    assert.deepEqual(net.outputs["tagsAll"], { owner: "us", team: "p", rehearsed: "true" });
    await tagged.remove();
    const hidden = await cloud.create(VPC, "v", { cidrBlock: "10.0.0.0/16", tags: { owner: new Secret("us") } });
    assert.deepEqual(hidden.outputs["tagsAll"], new Secret({ owner: "us", rehearsed: "true" }));
  });

  it("says at preview what it knows, and no more", async () => {
    const inputs = { cidrBlock: "10.0.0.0/16", tags: Unknown.instance, enableDnsHostnames: Unknown.instance };
    const request = { type: VPC, name: "v", urn: "", preview: true, timeoutSeconds: 0, signal: AbortSignal.any([]) };
    const { id, outputs } = await cloud.provider.create({ ...request, inputs });
    assert.equal(id, "");
    const { cidrBlock, instanceTenancy, region, rehearsed } = outputs;
    assert.deepEqual([cidrBlock, instanceTenancy, region, rehearsed], ["10.0.0.0/16", "default", "eu-central-1", true]);
    for (const unknown of ["tagsAll", "enableDnsHostnames", "arn", "mainRouteTableId"])
      assert.ok(outputs[unknown] instanceof Unknown, unknown);
    const made = await vpc("made");
    const update = { ...request, id: made.id, oldInputs: made.inputs, oldOutputs: made.outputs, ignoreChanges: [] };
    const changed = await cloud.provider.update({ ...update, inputs: { ...made.inputs, enableDnsHostnames: true } });
    assert.deepEqual([changed["arn"], changed["enableDnsHostnames"]], [made.outputs["arn"], true]);
    assert.deepEqual(cloud.story("v"), []);
  });

  it("has what was there before", async () => {
    const existing = [{ type: VPC, id: "vpc-0customer", properties: { cidrBlock: "10.9.0.0/16", arn: "arn:theirs" } }];
    const given = await InProcess.start(aws, { region: "eu-central-1" }, { existing });
    await given.create(SUBNET, "s", { vpcId: "vpc-0customer", cidrBlock: "10.9.1.0/24" });
    const found = await given.invoke("aws:ec2/getVpc:getVpc", { id: "vpc-0customer" });
    assert.equal(found["cidrBlock"], "10.9.0.0/16");
    await given.remove();
  });

  it("answers the functions it rehearses, and names those it does not", async () => {
    assert.equal((await cloud.invoke("aws:index/getRegion:getRegion"))["region"], "eu-central-1");
    const net = await vpc("net");
    await subnets(net);
    const filters = [{ name: "vpc-id", values: [net.id] }];
    const { ids } = await cloud.invoke("aws:ec2/getSubnets:getSubnets", { filters });
    assert.equal((ids as readonly string[]).length, 2);
    const auth = cloud.invoke("aws:eks/getClusterAuth:getClusterAuth", { name: "none" });
    await assert.rejects(auth, /ResourceNotFoundException: Cluster 'none' does not exist/);
    const token = await cloud.invoke("aws:ecr/getAuthorizationToken:getAuthorizationToken");
    assert.ok(token["password"] instanceof Secret);
    await assert.rejects(cloud.invoke("aws:ec2/getAmi:getAmi"), /function aws:ec2\/getAmi:getAmi is not rehearsed/);
  });

  it("wants to know the region", async () => {
    await assert.rejects(InProcess.start(aws, {}), /no region is set for AWS: pulumi config set aws:region/);
  });
});
