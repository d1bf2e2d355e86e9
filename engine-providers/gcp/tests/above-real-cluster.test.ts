/** A rehearsed GKE cluster whose Kubernetes is real: the program's objects are in the API server. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { delimiter } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { clusterIsMissing, useCluster } from "../../../tests/support/cluster/cluster.ts";
import type { TestCluster } from "../../../tests/support/cluster/cluster.ts";
import { RehearsedStack } from "../../rehearsal/tests/support/stack.ts";

const KUBERNETES_BIN = fileURLToPath(new URL("../../kubernetes/bin", import.meta.url));
const IMPORTS = `
import * as pulumi from "@pulumi/pulumi";
import * as container from "@pulumi/gcp/container/index.js";
import * as k8s from "@pulumi/kubernetes";
`;
const PROGRAM = `
const cluster = new container.Cluster("main", { location: "europe-west3", enableAutopilot: true, deletionProtection: false });
const kubeconfig = pulumi.all([cluster.endpoint, cluster.masterAuth]).apply(([endpoint, auth]) => JSON.stringify({
  apiVersion: "v1", kind: "Config", "current-context": "gke",
  clusters: [{ name: "gke", cluster: { server: "https://" + endpoint, "certificate-authority-data": auth.clusterCaCertificate } }],
  users: [{ name: "gke", user: { "client-certificate-data": auth.clientCertificate, "client-key-data": auth.clientKey } }],
  contexts: [{ name: "gke", context: { cluster: "gke", user: "gke" } }],
}));
const provider = new k8s.Provider("gke", { kubeconfig });
const space = new k8s.core.v1.Namespace("space", {}, { provider });
export const namespace = space.metadata.name;
`;

describe("a program above a rehearsed cluster", { skip: await clusterIsMissing() }, () => {
  let cluster: TestCluster;
  let stack: RehearsedStack;
  before(async () => {
    cluster = await useCluster("control-plane");
    stack = await RehearsedStack.create("gcp", IMPORTS, { project: "acme", region: "europe-west3" });
    stack.sandbox.env["PATH"] = `${KUBERNETES_BIN}${delimiter}${stack.sandbox.env["PATH"] ?? ""}`;
    await stack.settings({ clusters: [{ name: "main", kubeconfig: cluster.kubeconfig }] });
  });
  after(async () => {
    await stack.remove();
    await cluster.release();
  });

  it("is real: what it makes is in the API server, and goes with it", async () => {
    await stack.up(PROGRAM);
    const { namespace } = await stack.outputs();
    const find = async () => {
      const query = ["get", "namespace", String(namespace), "-o", "name", "--ignore-not-found"];
      const { stdout } = await promisify(execFile)(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...query]);
      return stdout.trim();
    };
    assert.equal(await find(), `namespace/${String(namespace)}`);
    await stack.destroy();
    assert.equal(await find(), "");
  });
});
