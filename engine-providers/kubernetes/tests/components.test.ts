/** Objects from YAML, charts and kustomizations, by the SDK's components of both generations. */
import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { clusterIsMissing, useCluster } from "../../../tests/support/cluster/cluster.ts";
import type { TestCluster } from "../../../tests/support/cluster/cluster.ts";
import { Kubectl } from "./support/kubectl.ts";
import { KubernetesStack } from "./support/stack.ts";

/** In an order in which they could not be made. */
const MANIFESTS = (group: string) => `
apiVersion: ${group}/v1
kind: Widget
metadata: { name: one, namespace: ${group.replaceAll(".", "-")} }
spec: { size: 3 }
---
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Secret
    metadata: { name: hidden, namespace: ${group.replaceAll(".", "-")} }
    stringData: { password: correct-horse }
  - { apiVersion: v1, kind: ConfigMap, metadata: { name: modes, namespace: ${group.replaceAll(".", "-")} }, data: { a: b } }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.${group} }
spec:
  group: ${group}
  scope: Namespaced
  names: { kind: Widget, plural: widgets }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
---
apiVersion: v1
kind: Namespace
metadata: { name: ${group.replaceAll(".", "-")} }
`;

/** Stands for the helm command: answers with a manifest, and writes down how it was asked. */
const HELM = `#!/bin/sh
printf '%s\\n' "$@" > "$HELM_LOG"
for argument; do case "$argument" in --values=*) cat "\${argument#--values=}" >> "$HELM_LOG"; echo >> "$HELM_LOG";; esac; done
cat <<MANIFEST
apiVersion: v1
kind: ConfigMap
metadata: { name: $2-chart, annotations: { helm.sh/resource-policy: keep } }
data: { rendered: "yes" }
MANIFEST
`;

const missing = await clusterIsMissing();

describe("components of Kubernetes objects", { skip: missing }, () => {
  const group = `t${process.pid}.example.test`;
  let cluster: TestCluster;
  let kubectl: Kubectl;
  let stack: KubernetesStack;

  before(async () => {
    cluster = await useCluster("control-plane");
    kubectl = new Kubectl(cluster);
    const bin = path.dirname(cluster.kubectl);
    stack = await KubernetesStack.create(cluster.kubeconfig, { PATH: `${bin}${path.delimiter}/usr/bin:/bin` });
    await stack.sandbox.write("all.yaml", MANIFESTS(group));
  });
  after(async () => {
    await stack.remove();
    await cluster.release();
  });

  it("are made in the order in which they need each other, from text, files and kustomizations", async () => {
    const folder = path.join(stack.sandbox.work, "kustomization");
    await mkdir(folder);
    await writeFile(path.join(folder, "kustomization.yaml"), "resources: [conf.yaml]\nnamePrefix: prefixed-\n");
    await writeFile(path.join(folder, "conf.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: conf }\n");
    await stack.program(`
      const group = new k8s.yaml.v2.ConfigGroup("group", { files: ["all*.yaml"] });
      const opts = { dependsOn: group };
      const namespace = "${group.replaceAll(".", "-")}";
      new k8s.yaml.ConfigGroup("first", { yaml: "apiVersion: v1\\nkind: ConfigMap\\nmetadata: { name: first, namespace: " + namespace + " }" }, opts);
      new k8s.kustomize.v2.Directory("built", { directory: "kustomization", namespace }, opts);
      exports.names = group.resources.apply((resources) => resources.map((one) => one.kind).length);`);
    const shown = await stack.up();
    assert.ok(!shown.includes("correct-horse"));
    const namespace = group.replaceAll(".", "-");
    const resources = await stack.resources();
    assert.deepEqual(
      Object.keys(resources)
        .filter((name) => name.startsWith("group:"))
        .sort(),
      [
        `group:${namespace}`,
        `group:${namespace}/hidden`,
        `group:${namespace}/modes`,
        `group:${namespace}/one`,
        `group:widgets.${group}`,
      ].sort(),
    );
    assert.ok(!JSON.stringify(resources).includes("correct-horse"));
    for (const name of ["first", "prefixed-conf", "modes"])
      assert.ok(await kubectl.get("-n", namespace, "configmap", name), name);
    assert.ok(await kubectl.get("-n", namespace, `widgets.${group}`, "one"));
    assert.deepEqual(await stack.plan(), {});
  });

  it("need helm for charts, and say so where it is missing", async () => {
    await stack.program(`new k8s.helm.v4.Chart("chart", { chart: "./nowhere" });`);
    const refused = await stack.run("preview");
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout + refused.stderr, /the command "helm" is not on PATH.*Install Helm 3/);
    await stack.program(`new k8s.helm.v3.Release("release", { chart: "./nowhere" });`);
    const release = await stack.run("preview");
    assert.match(
      release.stdout + release.stderr,
      /helm\.sh\/v3:Release keeps Helm's own releases.*use helm\.v4\.Chart/,
    );
  });

  it("are what helm renders, for this cluster and with the program's values", async () => {
    const bin = path.join(stack.sandbox.folder, "bin");
    const log = path.join(stack.sandbox.folder, "helm.log");
    await mkdir(bin);
    await writeFile(path.join(bin, "helm"), HELM);
    await chmod(path.join(bin, "helm"), 0o755);
    const charts = await KubernetesStack.create(cluster.kubeconfig, {
      PATH: `${bin}${path.delimiter}/usr/bin:/bin`,
      HELM_LOG: log,
    });
    try {
      await charts.program(`
        const chart = new k8s.helm.v4.Chart("four", { chart: "./four", version: "1.2.3", namespace: "default", skipCrds: true,
          values: { size: 3, note: new (require("@pulumi/pulumi").asset.StringAsset)("from an asset") } });
        exports.count = chart.resources.apply((resources) => resources.length);`);
      await charts.up();
      const asked = await readFile(log, "utf8");
      for (const word of [
        "template",
        "four",
        "./four",
        "--namespace=default",
        "--version=1.2.3",
        "--skip-crds",
        "--no-hooks",
        "--kube-version=v1.34.",
      ])
        assert.ok(asked.includes(word), `${word} in ${asked}`);
      assert.match(asked, /--api-versions=.*apps\/v1\/Deployment/);
      assert.match(asked, /\{"note":"from an asset","size":3\}|\{"size":3,"note":"from an asset"\}/);
      const kept = (await charts.resources())["four:default/four-chart"] as { retainOnDelete?: boolean } | undefined;
      assert.equal(kept?.retainOnDelete, true);

      await charts.program(`new k8s.helm.v3.Chart("three", { path: "charts", chart: "three", namespace: "default" });`);
      await charts.up();
      assert.ok(await kubectl.get("configmap", "three-chart"));
      assert.ok(await kubectl.get("configmap", "four-chart"), "its chart said to keep it");
      assert.match(await readFile(log, "utf8"), /charts\/three/);
      await charts.sandbox.succeed("destroy --yes --skip-preview");
    } finally {
      await kubectl.run("delete", "configmap", "four-chart", "three-chart", "--ignore-not-found");
      await charts.remove();
    }
  });

  it("are gone in the other order", async () => {
    await stack.sandbox.succeed("destroy --yes --skip-preview");
    assert.equal(await kubectl.get("namespace", group.replaceAll(".", "-")), undefined);
    assert.equal(await kubectl.get("customresourcedefinition", `widgets.${group}`), undefined);
  });
});
