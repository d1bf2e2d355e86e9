import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { RehearsedStack } from "../../rehearsal/tests/support/stack.ts";

const IMPORTS = `
import * as pulumi from "@pulumi/pulumi";
import * as artifactregistry from "@pulumi/gcp/artifactregistry/index.js";
import * as compute from "@pulumi/gcp/compute/index.js";
import * as container from "@pulumi/gcp/container/index.js";
import * as dns from "@pulumi/gcp/dns/index.js";
import * as kms from "@pulumi/gcp/kms/index.js";
import * as organizations from "@pulumi/gcp/organizations/index.js";
import * as projects from "@pulumi/gcp/projects/index.js";
import * as redis from "@pulumi/gcp/redis/index.js";
import * as secretmanager from "@pulumi/gcp/secretmanager/index.js";
import * as serviceaccount from "@pulumi/gcp/serviceaccount/index.js";
import * as servicenetworking from "@pulumi/gcp/servicenetworking/index.js";
import * as sql from "@pulumi/gcp/sql/index.js";
import * as storage from "@pulumi/gcp/storage/index.js";
`;

/** What a stack on Google Cloud is made of, with all that one names of the other. */
const LANDSCAPE = `
const off = { deletionProtection: false };
const api = new projects.Service("container-api", { service: "container.googleapis.com" });
const network = new compute.Network("net", { autoCreateSubnetworks: false }, { dependsOn: api });
const subnet = new compute.Subnetwork("sub", { network: network.id, ipCidrRange: "10.0.0.0/20",
  secondaryIpRanges: [{ rangeName: "pods", ipCidrRange: "10.4.0.0/14" }] });
const router = new compute.Router("router", { network: network.name });
new compute.RouterNat("nat", { router: router.name, natIpAllocateOption: "AUTO_ONLY", sourceSubnetworkIpRangesToNat: "ALL_SUBNETWORKS_ALL_IP_RANGES" });
new compute.Firewall("web", { network: network.selfLink, allows: [{ protocol: "tcp", ports: ["443"] }], sourceRanges: ["0.0.0.0/0"] });
const address = new compute.GlobalAddress("ingress", {});
const nodes = new serviceaccount.Account("nodes", { displayName: "nodes" });
const key = new serviceaccount.Key("nodes-key", { serviceAccountId: nodes.name });
const role = new projects.IAMCustomRole("reader", { roleId: "reader", title: "reader", permissions: ["storage.objects.get"] });
new projects.IAMMember("nodes-reads", { project: "acme", role: role.name, member: nodes.member });
new serviceaccount.IAMMember("workload", { serviceAccountId: nodes.name, role: "roles/iam.workloadIdentityUser", member: "serviceAccount:acme.svc.id.goog[default/web]" });
const cluster = new container.Cluster("main", { ...off, location: "europe-west3", network: network.id, subnetwork: subnet.id,
  initialNodeCount: 1, removeDefaultNodePool: true, resourceLabels: { team: "platform" } });
const pool = new container.NodePool("workers", { cluster: cluster.id, nodeCount: 2, nodeConfig: { serviceAccount: nodes.email, machineType: "e2-standard-4" } });
const range = new compute.GlobalAddress("google", { network: network.id, purpose: "VPC_PEERING", addressType: "INTERNAL", prefixLength: 16 });
const peering = new servicenetworking.Connection("google", { network: network.id, service: "servicenetworking.googleapis.com", reservedPeeringRanges: [range.name] });
const database = new sql.DatabaseInstance("pg", { ...off, databaseVersion: "POSTGRES_17",
  settings: { tier: "db-custom-2-8192", ipConfiguration: { ipv4Enabled: false, privateNetwork: network.id } } }, { dependsOn: peering });
new sql.Database("app", { instance: database.name });
new sql.User("app-user", { instance: database.name, password: "hush-hush" });
const cache = new redis.Instance("cache", { memorySizeGb: 1, authEnabled: true, transitEncryptionMode: "SERVER_AUTHENTICATION", authorizedNetwork: network.id });
const bucket = new storage.Bucket("artifacts", { location: "EU", labels: { team: "platform" }, forceDestroy: true });
new storage.BucketIAMMember("nodes-write", { bucket: bucket.name, role: "roles/storage.objectAdmin", member: nodes.member });
new storage.BucketObject("readme", { bucket: bucket.name, content: "hello" });
const secret = new secretmanager.Secret("token", { secretId: "token", replication: { auto: {} } });
const version = new secretmanager.SecretVersion("token-1", { secret: secret.id, secretData: "top-secret-value" });
new secretmanager.SecretIamMember("nodes-see", { secretId: secret.secretId, role: "roles/secretmanager.secretAccessor", member: nodes.member });
const ring = new kms.KeyRing("ring", { location: "europe-west3" });
new kms.CryptoKey("key", { keyRing: ring.id });
const images = new artifactregistry.Repository("images", { repositoryId: "images", format: "DOCKER" });
const zone = new dns.ManagedZone("zone", { dnsName: "agents.example.com." });
new dns.RecordSet("api", { managedZone: zone.name, name: pulumi.interpolate\`api.\${zone.dnsName}\`, type: "A", ttl: 300, rrdatas: [address.address] });
const found = container.getClusterOutput({ name: cluster.name, location: "europe-west3" });

export const outputs = {
  network: network.selfLink, subnetwork: subnet.id, gateway: subnet.gatewayAddress, address: address.address,
  endpoint: cluster.endpoint, authority: cluster.masterAuth.clusterCaCertificate, pool: pool.id, found: found.endpoint,
  email: nodes.email, key: key.privateKey, role: role.id, connection: database.connectionName, database: database.privateIpAddress,
  cache: cache.host, port: cache.port, auth: cache.authString, bucket: bucket.url, version: version.id, secret: secret.name,
  images: images.registryUri, servers: zone.nameServers, token: organizations.getClientConfigOutput({}).accessToken,
};
`;

describe("a stack on the rehearsed Google Cloud", () => {
  let stack: RehearsedStack;
  before(async () => {
    stack = await RehearsedStack.create("gcp", IMPORTS, { project: "acme", region: "europe-west3" });
  });
  after(() => stack.remove());

  it("is previewed without touching anything", async () => {
    await stack.program(LANDSCAPE);
    const preview = await stack.sandbox.succeed("preview");
    assert.match(preview, /warning: Google Cloud is rehearsed: nothing is created/);
    assert.match(preview, /\+ \d+ to create/);
    assert.deepEqual(
      stack.cloud.ledger().filter(({ action }) => action !== "invoke"),
      [],
    );
  });

  it("comes up, with outputs in the cloud's formats that no one can take for the cloud's", async () => {
    assert.match(await stack.up(), /warning: Google Cloud is rehearsed/);
    const { outputs } = (await stack.outputs()) as { outputs: Record<string, string> };
    const project = "projects/rehearsed-acme";
    const patterns: Record<string, RegExp> = {
      network: new RegExp(
        `^https://www\\.googleapis\\.rehearsal\\.invalid/compute/v1/${project}/global/networks/net-[0-9a-f]{7}$`,
      ),
      subnetwork: new RegExp(`^${project}/regions/europe-west3/subnetworks/sub-[0-9a-f]{7}$`),
      gateway: /^10\.0\.0\.1$/,
      address: /^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$/,
      endpoint: /^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$/,
      pool: new RegExp(`^${project}/locations/europe-west3/clusters/main-[0-9a-f]{7}/nodePools/workers-[0-9a-f]{7}$`),
      email: /^nodes-[0-9a-f]{7}@rehearsed-acme\.iam\.gserviceaccount\.com$/,
      role: new RegExp(`^${project}/roles/reader$`),
      connection: /^rehearsed-acme:europe-west3:pg-[0-9a-f]{7}$/,
      database: /^(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+$/,
      auth: /^rehearsed-/,
      bucket: /^gs:\/\/artifacts-[0-9a-f]{7}$/,
      version: /^projects\/000000000000\/secrets\/token\/versions\/1$/,
      images: /rehearsal\.invalid\/rehearsed-acme\/images$/,
      token: /^rehearsed$/,
    };
    for (const [name, pattern] of Object.entries(patterns)) assert.match(String(outputs[name]), pattern, name);
    assert.equal(outputs["port"], 6378);
    assert.equal(outputs["found"], outputs["endpoint"]);
    const authority = new X509Certificate(Buffer.from(String(outputs["authority"]), "base64"));
    assert.match(authority.subject, /^O=rehearsed$/m);
    const key = JSON.parse(Buffer.from(String(outputs["key"]), "base64").toString("utf8")) as Record<string, string>;
    assert.equal(key["token_uri"], "https://oauth2.rehearsal.invalid/token");
    assert.equal(key["client_email"], outputs["email"]);
  });

  it("says in each resource that it is rehearsed, also where the program wrote every word of it", async () => {
    const resources = (await stack.state()).filter(({ type }) => type.startsWith("gcp:"));
    assert.ok(resources.length > 25, `${resources.length} resources`);
    for (const { urn, outputs } of resources) assert.equal(outputs?.["rehearsed"], true, urn);
  });

  it("keeps secrets as the real provider does: out of the state, the ledger and the pretended cloud", async () => {
    const text = await stack.sandbox.succeed("stack export");
    const kept = JSON.stringify([stack.cloud.ledger(), await stack.cloud.resources()]);
    for (const secret of ["top-secret-value", "hush-hush"]) {
      assert.ok(!text.includes(secret), `${secret} is in the state`);
      assert.ok(!kept.includes(secret), `${secret} is in the rehearsal's folder`);
    }
    assert.match(await stack.sandbox.succeed("stack output"), /\[secret\]/);
  });

  it("has labels as the cloud sees them", async () => {
    const bucket = (await stack.cloud.resources()).find(({ name }) => name === "artifacts");
    assert.deepEqual(bucket?.inputs["labels"], { team: "platform" });
    const [entry] = stack.entries("artifacts");
    assert.deepEqual(entry?.permissions, ["storage.buckets.create", "storage.buckets.get"]);
  });

  it("is the same on the next run and at refresh", async () => {
    await stack.sandbox.succeed("preview --expect-no-changes");
    await stack.sandbox.succeed("refresh --yes --skip-preview --expect-no-changes");
    await stack.sandbox.succeed("preview --expect-no-changes");
  });

  it("is repaired when somebody removed a part of it, and when somebody changed one", async () => {
    const resources = await stack.cloud.resources();
    const idOf = (name: string) => resources.find((resource) => resource.name === name)?.id ?? "";
    assert.ok(await stack.cloud.remove("gcp:dns/recordSet:RecordSet", idOf("api")));
    assert.ok(await stack.cloud.change("gcp:container/nodePool:NodePool", idOf("workers"), { nodeCount: 9 }));
    await stack.refresh();
    assert.equal((await stack.resource("workers")).outputs?.["nodeCount"], 9);
    const repaired = await stack.up();
    assert.match(repaired, /\+ 1 created/);
    assert.match(repaired, /~ 1 updated/);
    assert.equal((await stack.resource("workers")).outputs?.["nodeCount"], 2);
  });

  it("goes away in the order that the cloud allows", async () => {
    await stack.destroy();
    // What Google's API cannot remove stays: a key ring and its keys.
    const left = (await stack.cloud.resources()).map(({ name }) => name).sort();
    assert.deepEqual(left, ["key", "ring"]);
  });
});
