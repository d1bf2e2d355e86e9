import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Secret } from "@automatos/provider-plugin";
import { InProcess } from "../../rehearsal/tests/support/in-process.ts";
import { CLUSTER, writeKubeconfig } from "../../rehearsal/tests/support/kubeconfig.ts";
import { aws } from "../src/index.ts";

describe("a rehearsed EKS cluster behind which a real one is", () => {
  const folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  let cloud: InProcess;
  before(async () => {
    const clusters = [{ name: "main", kubeconfig: writeKubeconfig(folder), context: "test" }];
    const subnet = (id: string) => ({ type: "aws:ec2/subnet:Subnet", id, properties: { vpcId: "vpc-theirs" } });
    const role = { type: "aws:iam/role:Role", id: "eks", properties: { arn: "arn:aws:iam::000000000000:role/eks" } };
    const existing = [subnet("subnet-a"), subnet("subnet-b"), role];
    cloud = await InProcess.start(aws, { region: "eu-central-1" }, { clusters, existing });
  });
  after(async () => {
    await cloud.remove();
    rmSync(folder, { recursive: true });
  });

  it("leads there: endpoint, authority and token are those of the kubeconfig", async () => {
    const { outputs, id } = await cloud.create("aws:eks/cluster:Cluster", "main", {
      name: "main",
      roleArn: "arn:aws:iam::000000000000:role/eks",
      vpcConfig: { subnetIds: ["subnet-a", "subnet-b"] },
    });
    assert.equal(outputs["endpoint"], CLUSTER.server);
    assert.deepEqual(outputs["certificateAuthority"], { data: CLUSTER.authority });
    assert.equal((outputs["vpcConfig"] as Record<string, unknown>)["vpcId"], "vpc-theirs");
    const { token } = await cloud.invoke("aws:eks/getClusterAuth:getClusterAuth", { name: id });
    assert.deepEqual(token, new Secret(CLUSTER.token));
    const found = await cloud.invoke("aws:eks/getCluster:getCluster", { name: id });
    assert.equal(found["endpoint"], CLUSTER.server);
  });
});
