import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { asText } from "../../rehearsal/src/values.ts";
import { Secret } from "@automatos/provider-plugin";
import { InProcess } from "../../rehearsal/tests/support/in-process.ts";
import { gcp, gcpPermissions } from "../src/index.ts";

const PLACE = { project: "acme", region: "europe-west3" };
const NETWORK = "gcp:compute/network:Network";
const SUBNETWORK = "gcp:compute/subnetwork:Subnetwork";
const ADDRESS = "gcp:compute/address:Address";
const CLUSTER = "gcp:container/cluster:Cluster";
const BUCKET = "gcp:storage/bucket:Bucket";
const OBJECT = "gcp:storage/bucketObject:BucketObject";
const ACCOUNT = "gcp:serviceaccount/account:Account";
const DATABASE = "gcp:sql/databaseInstance:DatabaseInstance";

describe("Google Cloud's rules", () => {
  let cloud: InProcess;
  beforeEach(async () => {
    cloud = await InProcess.start(gcp, PLACE);
  });
  afterEach(() => cloud.remove());

  it("refuses types, properties and values that the class does not have", async () => {
    await assert.rejects(cloud.create("gcp:compute/cloud:Cloud", "a"), /no class there has this type/);
    const { failures } = await cloud.check(SUBNETWORK, "a", { network: "n", ipCidrRnge: "10.0.0.0/8" });
    assert.deepEqual(failures, [
      {
        property: "ipCidrRnge",
        reason: `Invalid or unknown key. Did you mean "ipCidrRange"? Examine values at 'a.ipCidrRnge'.`,
      },
    ]);
    const missing = await cloud.check(SUBNETWORK, "a", {});
    assert.match(missing.failures?.[0]?.reason ?? "", /The argument "network" is required/);
    const badName = await cloud.check(BUCKET, "a", { location: "EU", name: "Not A Bucket" });
    assert.match(badName.failures?.[0]?.reason ?? "", /Invalid bucket name/);
    const badAccount = await cloud.check(ACCOUNT, "a", { accountId: "1a" });
    assert.match(badAccount.failures?.[0]?.reason ?? "", /doesn't match regexp/);
  });

  it("gives names as the real provider does, and keeps them", async () => {
    const { inputs } = await cloud.check(NETWORK, "My-Net", {});
    assert.match(asText(inputs["name"]), /^my-net-[0-9a-f]{7}$/);
    assert.deepEqual(inputs["__defaults"], ["name"]);
    const again = await cloud.check(NETWORK, "My-Net", {}, inputs);
    assert.equal(again.inputs["name"], inputs["name"]);
    const named = await cloud.check(NETWORK, "My-Net", { name: "main" }, inputs);
    assert.deepEqual([named.inputs["name"], named.inputs["__defaults"]], ["main", []]);
    const account = await cloud.check(ACCOUNT, "a-name-that-is-longer-than-thirty", {});
    assert.equal(asText(account.inputs["accountId"]).length, 30);
  });

  it("has one resource of a name, and one bucket of a name in the world", async () => {
    await cloud.create(NETWORK, "a", { name: "net" });
    await assert.rejects(
      cloud.create(NETWORK, "b", { name: "net" }),
      /Error 409: The resource '.*\/networks\/net' already exists/,
    );
    await cloud.create(NETWORK, "c", { name: "net", project: "another" });
    await cloud.create(BUCKET, "a", { name: "artifacts", location: "EU" });
    const other = { name: "artifacts", location: "US", project: "another" };
    await assert.rejects(cloud.create(BUCKET, "b", other), /already exists/);
  });

  it("wants what is named to be there, in whichever spelling", async () => {
    const subnet = (network: string) => ({ network, ipCidrRange: "10.0.0.0/24" });
    await assert.rejects(
      cloud.create(SUBNETWORK, "a", subnet("nowhere")),
      /Error 404: The resource 'nowhere' was not found; Subnetwork 'a-[0-9a-f]{7}' names it in network/,
    );
    await cloud.create(SUBNETWORK, "default", subnet("default"));
    const net = await cloud.create(NETWORK, "net", { name: "net" });
    const spellings = [
      "net",
      net.id,
      "projects/acme/global/networks/net",
      "https://www.googleapis.com/compute/v1/projects/acme/global/networks/net",
      asText(net.outputs["selfLink"]),
    ];
    for (const [index, network] of spellings.entries())
      await cloud.create(SUBNETWORK, `s${index}`, { network, ipCidrRange: `10.1.${index}.0/24` });
  });

  it("keeps what is in use, and removes it when it is not", async () => {
    const net = await cloud.create(NETWORK, "net");
    const sub = await cloud.create(SUBNETWORK, "sub", { network: net.id, ipCidrRange: "10.0.0.0/24" });
    await assert.rejects(
      cloud.delete(net),
      /Error 400: The resource Network '.*' is already being used by Subnetwork '.*sub-/,
    );
    await cloud.delete(sub);
    await cloud.delete(net);
    await cloud.delete(net);
    assert.deepEqual(cloud.story("net"), ["create done", "delete failed", "delete done", "delete gone"]);
  });

  it("removes a bucket with things in it only by force", async () => {
    for (const forceDestroy of [false, true]) {
      const bucket = await cloud.create(BUCKET, "b", { location: "EU", forceDestroy });
      await cloud.create(OBJECT, "o", { bucket: bucket.id, content: "x" });
      if (forceDestroy) await cloud.delete(bucket);
      else await assert.rejects(cloud.delete(bucket), /is already being used by BucketObject/);
    }
    assert.deepEqual((await cloud.cloud.resources()).map(({ type }) => type).sort(), [BUCKET, OBJECT]);
  });

  it("respects protection and deletion policies", async () => {
    const cluster = await cloud.create(CLUSTER, "c", { location: "europe-west3", initialNodeCount: 1 });
    assert.equal(cluster.outputs["deletionProtection"], true);
    await assert.rejects(
      cloud.delete(cluster),
      /cannot be destroyed because deletionProtection is true; set it to false/,
    );
    const open = await cloud.update(cluster, {
      location: "europe-west3",
      initialNodeCount: 1,
      deletionProtection: false,
    });
    await cloud.delete(open);
    const prevented = await cloud.create(NETWORK, "p", { deletionPolicy: "PREVENT" });
    await assert.rejects(cloud.delete(prevented), /deletionPolicy is "PREVENT"/);
    const abandoned = await cloud.create(NETWORK, "a", { deletionPolicy: "ABANDON" });
    await cloud.delete(abandoned);
    assert.ok((await cloud.cloud.resources()).some(({ id }) => id === abandoned.id));
  });

  it("has quotas", async () => {
    for (let index = 0; index < 8; index += 1) await cloud.create(ADDRESS, `a${index}`);
    await assert.rejects(cloud.create(ADDRESS, "a8"), /Error 403: Quota 'STATIC_ADDRESSES' exceeded\. Limit: 8\.0/);
    await cloud.create(ADDRESS, "elsewhere", { region: "us-east1" });
  });

  it("knows what replaces a resource, and that a name it keeps is free only afterwards", async () => {
    const net = await cloud.create(NETWORK, "net", { description: "one" });
    assert.deepEqual(await cloud.diff(net, { description: "one" }), { changes: false });
    const routing = await cloud.diff(net, { description: "one", routingMode: "GLOBAL" });
    assert.deepEqual(routing.detailedDiff, { routingMode: { kind: "add", inputDiff: true } });
    assert.deepEqual(routing.replaces, []);
    const described = await cloud.diff(net, { description: "two" });
    assert.deepEqual(described.replaces, ["description"]);
    assert.equal(described.deleteBeforeReplace, false);
    const named = await cloud.create(NETWORK, "named", { name: "named", description: "one" });
    assert.equal((await cloud.diff(named, { name: "named", description: "two" })).deleteBeforeReplace, true);

    const nested = {
      location: "europe-west3",
      initialNodeCount: 1,
      privateClusterConfig: { enablePrivateNodes: true },
    };
    const cluster = await cloud.create(CLUSTER, "c", nested);
    const nodes = await cloud.diff(cluster, { ...nested, privateClusterConfig: { enablePrivateNodes: false } });
    assert.deepEqual(
      [nodes.replaces, Object.keys(nodes.detailedDiff ?? {})],
      [[], ["privateClusterConfig.enablePrivateNodes"]],
    );
    const masters = { enablePrivateNodes: true, masterIpv4CidrBlock: "172.16.0.0/28" };
    assert.deepEqual((await cloud.diff(cluster, { ...nested, privateClusterConfig: masters })).replaces, [
      "privateClusterConfig",
    ]);
  });

  it("refuses what the services refuse", async () => {
    const net = await cloud.create(NETWORK, "net");
    const pg = { databaseVersion: "POSTGRES_17", settings: { tier: "t", ipConfiguration: { privateNetwork: net.id } } };
    await assert.rejects(cloud.create(DATABASE, "pg", pg), /doesn't have at least 1 private services connection/);
    const range = await cloud.create("gcp:compute/globalAddress:GlobalAddress", "range", { network: net.id });
    const connection = await cloud.create("gcp:servicenetworking/connection:Connection", "google", {
      network: net.id,
      service: "servicenetworking.googleapis.com",
      reservedPeeringRanges: [asText(range.inputs["name"])],
    });
    await cloud.create(DATABASE, "pg", pg);
    await assert.rejects(cloud.delete(connection), /Producer services .* are still using this connection/);

    const autopilot = await cloud.create(CLUSTER, "auto", { location: "europe-west3", enableAutopilot: true });
    const pool = cloud.create("gcp:container/nodePool:NodePool", "pool", { cluster: autopilot.id });
    await assert.rejects(pool, /Autopilot clusters do not support mutating node pools/);

    await cloud.create(SUBNETWORK, "one", { network: net.id, ipCidrRange: "10.0.0.0/20" });
    const two = cloud.create(SUBNETWORK, "two", { network: net.id, ipCidrRange: "10.0.8.0/24" });
    await assert.rejects(two, /'10\.0\.8\.0\/24'\. It conflicts with existing subnetwork/);
  });

  it("finds a new identity late, and the provider asks again", async () => {
    const account = await cloud.create(ACCOUNT, "nodes");
    const member = { project: "acme", role: "roles/viewer", member: asText(account.outputs["member"]) };
    await cloud.create("gcp:projects/iAMMember:IAMMember", "views", member);
    assert.deepEqual(cloud.story("views"), ["create retried", "create done"]);
    const unknown = { ...member, member: "serviceAccount:nobody@acme.iam.gserviceaccount.com" };
    await assert.rejects(cloud.create("gcp:projects/iAMMember:IAMMember", "nobody", unknown), /was not found/);
    const google = { ...member, member: "serviceAccount:service-1@container-engine-robot.iam.gserviceaccount.com" };
    await cloud.create("gcp:projects/iAMMember:IAMMember", "google", google);
  });

  it("has labels of the provider, of the program and its own", async () => {
    const labelled = await InProcess.start(gcp, {
      ...PLACE,
      defaultLabels: JSON.stringify({ owner: "us", tier: "low" }),
    });
    const bucket = await labelled.create(BUCKET, "b", { location: "EU", labels: { tier: "high" } });
    assert.deepEqual(bucket.outputs["pulumiLabels"], new Secret({ owner: "us", tier: "high" }));
    assert.deepEqual(
      bucket.outputs["effectiveLabels"],
      new Secret({ "goog-pulumi-provisioned": "true", owner: "us", tier: "high", rehearsed: "true" }),
    );
    const diff = await cloud.provider.diff({
      type: BUCKET,
      name: "b",
      urn: "",
      id: bucket.id,
      oldInputs: bucket.inputs,
      oldOutputs: bucket.outputs,
      inputs: bucket.inputs,
      ignoreChanges: [],
    });
    assert.deepEqual(diff.diffs, ["pulumiLabels", "effectiveLabels"]);
    await labelled.remove();
  });

  it("answers the functions it rehearses, and names those it does not", async () => {
    const net = await cloud.create(NETWORK, "net", { name: "net" });
    assert.equal((await cloud.invoke("gcp:compute/getNetwork:getNetwork", { name: "net" }))["id"], net.id);
    assert.equal((await cloud.invoke("gcp:organizations/getProject:getProject"))["number"], "000000000000");
    await assert.rejects(cloud.invoke("gcp:compute/getNetwork:getNetwork", { name: "none" }), /Error 404/);
    await assert.rejects(
      cloud.invoke("gcp:compute/getImage:getImage"),
      /getImage:getImage is not rehearsed\. Those that are: /,
    );
    await assert.rejects(cloud.invoke("gcp:compute/getNothing:getNothing"), /has no function/);
  });

  it("wants to know the project", async () => {
    await assert.rejects(InProcess.start(gcp, {}), /no project is set for Google Cloud: pulumi config set gcp:project/);
  });

  it("says what leave each action needs", () => {
    assert.ok(gcpPermissions().get(CLUSTER)?.create.includes("container.clusters.create"));
  });
});
