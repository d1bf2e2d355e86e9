import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { asText } from "../../rehearsal/src/values.ts";
import { Secret } from "@automatos/provider-plugin";
import { InProcess } from "../../rehearsal/tests/support/in-process.ts";
import { CLUSTER, writeKubeconfig } from "../../rehearsal/tests/support/kubeconfig.ts";
import { gcp } from "../src/index.ts";

const TYPE = "gcp:container/cluster:Cluster";

describe("a rehearsed GKE cluster behind which a real one is", () => {
  const folder = mkdtempSync(join(tmpdir(), "kubeconfig-"));
  let cloud: InProcess;
  before(async () => {
    const clusters = [{ name: "main*", kubeconfig: writeKubeconfig(folder) }];
    cloud = await InProcess.start(gcp, { project: "acme", region: "europe-west3" }, { clusters });
  });
  after(async () => {
    await cloud.remove();
    rmSync(folder, { recursive: true });
  });

  it("leads there: endpoint, authority and credentials are those of the kubeconfig", async () => {
    const { outputs } = await cloud.create(TYPE, "main", { location: "europe-west3", initialNodeCount: 1 });
    assert.equal(`https://${asText(outputs["endpoint"])}`, CLUSTER.server);
    assert.deepEqual(outputs["masterAuth"], {
      clientCertificate: CLUSTER.certificate,
      clientCertificateConfig: { issueClientCertificate: false },
      clientKey: new Secret(CLUSTER.key),
      clusterCaCertificate: CLUSTER.authority,
    });
    assert.equal(outputs["rehearsed"], true);
    const client = await cloud.invoke("gcp:organizations/getClientConfig:getClientConfig");
    assert.deepEqual(client["accessToken"], new Secret(CLUSTER.token));
  });

  it("is the one that is named: others are made up", async () => {
    const { outputs } = await cloud.create(TYPE, "other", { location: "europe-west3", initialNodeCount: 1 });
    assert.match(asText(outputs["endpoint"]), /^(192\.0\.2|198\.51\.100|203\.0\.113)\./);
  });

  it("must have a kubeconfig that can be read", async () => {
    const clusters = [{ name: "main", kubeconfig: "/nowhere" }];
    const started = InProcess.start(gcp, { project: "acme" }, { clusters });
    await assert.rejects(started, /the kubeconfig \/nowhere of a rehearsed cluster cannot be used: ENOENT/);
  });
});
