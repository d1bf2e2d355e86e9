/** Readiness, order and configuration as pure functions. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkConfig, diffConfig } from "../src/config/check-config.ts";
import { loadKubeconfig, parseKubeconfig } from "../src/config/kubeconfig.ts";
import { parseSettings } from "../src/config/settings.ts";
import type { Manifest } from "../src/manifest/manifest.ts";
import { decodeManifests, expandLists } from "../src/manifests/decode.ts";
import { orderManifests } from "../src/manifests/order.ts";
import { findByJsonPath, matchesJsonPath, parseJsonPath } from "../src/readiness/json-path.ts";
import { judgeOf } from "../src/readiness/judges.ts";
import type { Verdict } from "../src/readiness/verdict.ts";

function judged(object: Manifest, related: Readonly<Record<string, Manifest[]>> = {}, quietMs = 0): Verdict {
  const judge = judgeOf(object, false);
  assert.ok(judge);
  return judge.judge({ object, before: undefined, of: (kind) => related[kind] ?? [], quietMs: () => quietMs });
}

describe("the judge of a", () => {
  const service: Manifest = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "s" },
    spec: { selector: { a: "b" } },
  };
  const endpoints = (subset?: Manifest): Manifest => ({
    kind: "Endpoints",
    metadata: { name: "s" },
    ...(subset && { subsets: [subset] }),
  });

  it("Service wants Pods that are ready, or none for ten seconds", () => {
    assert.equal(judged(service).state, "waiting");
    assert.equal(judged(service, { Endpoints: [endpoints({ addresses: [{}] })] }).state, "ready");
    assert.equal(
      judged(service, { Endpoints: [endpoints({ addresses: [{}], notReadyAddresses: [{}] })] }, 60_000).state,
      "waiting",
    );
    assert.equal(judged(service, { Endpoints: [endpoints()] }, 4_000).againInMs, 6_000);
    assert.equal(judged(service, { Endpoints: [endpoints()] }, 10_000).state, "ready");
    assert.equal(judged({ ...service, spec: { clusterIP: "None", selector: { a: "b" } } }).state, "ready");
    const balanced = { ...service, spec: { type: "LoadBalancer" } };
    assert.match(judged(balanced).reasons.join(), /was not allocated an IP address/);
    assert.equal(judged({ ...balanced, status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } } }).state, "ready");
  });

  it("Ingress wants an address, and Services behind its paths", () => {
    const paths = [{ backend: { service: { name: "s" } } }];
    const ingress: Manifest = {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      spec: { rules: [{ http: { paths } }] },
    };
    const addressed = { ...ingress, status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } } };
    assert.match(judged(ingress).reasons.join(), /unavailable target endpoint: s.*was not updated with a hostname/);
    assert.equal(judged(addressed).state, "waiting");
    assert.equal(judged(addressed, { Endpoints: [endpoints()] }).state, "ready");
    assert.equal(
      judged(addressed, { Service: [{ metadata: { name: "s" }, spec: { type: "ExternalName" } }] }).state,
      "ready",
    );
  });

  it("PersistentVolumeClaim wants its volume, unless the first Pod brings it", () => {
    const claim: Manifest = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      spec: { storageClassName: "late" },
      status: { phase: "Pending" },
    };
    assert.match(judged(claim).reasons.join(), /is Pending, not Bound; there is no StorageClass late/);
    const late = { metadata: { name: "late" }, volumeBindingMode: "WaitForFirstConsumer" };
    assert.equal(judged(claim, { StorageClass: [late] }).state, "ready");
    assert.equal(judged({ ...claim, status: { phase: "Bound" } }).state, "ready");
  });

  it("Deployment looks at the ReplicaSet of its revision", () => {
    const web: Manifest = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { uid: "d", generation: 2, annotations: { "deployment.kubernetes.io/revision": "2" } },
      status: {
        observedGeneration: 2,
        conditions: [
          { type: "Available", status: "True" },
          { type: "Progressing", status: "True", reason: "ReplicaSetUpdated" },
        ],
      },
    };
    const set = (readyReplicas: number): Manifest => ({
      metadata: {
        uid: "r",
        ownerReferences: [{ uid: "d" }],
        annotations: { "deployment.kubernetes.io/revision": "2" },
      },
      spec: { replicas: 2 },
      status: { readyReplicas },
    });
    assert.match(judged(web, { ReplicaSet: [set(1)] }).progress, /1\/2 Pods available/);
    const rolled = [
      { type: "Available", status: "True" },
      { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" },
    ];
    const done = { ...web, status: { observedGeneration: 2, conditions: rolled } };
    assert.equal(judged(done, { ReplicaSet: [set(2)] }).state, "ready");
    assert.equal(
      judged({ ...done, status: { ...(done.status as Manifest), observedGeneration: 1 } }, { ReplicaSet: [set(2)] })
        .state,
      "waiting",
    );
    const pulling = { ownerReferences: [{ uid: "r" }], name: "p" };
    const pod = {
      metadata: pulling,
      status: { containerStatuses: [{ name: "c", state: { waiting: { reason: "ImagePullBackOff", message: "no" } } }] },
    };
    assert.match(
      judged(web, { ReplicaSet: [set(1)], Pod: [pod] }).reasons.join(),
      /\[Pod p\]: \[ImagePullBackOff\] no/,
    );
  });

  it("program is an expression over the object", () => {
    const object = {
      status: {
        list: [
          { type: "A", n: 1 },
          { type: "B", n: 2 },
        ],
        "a.b": true,
      },
    };
    const find = (text: string) => findByJsonPath(parseJsonPath(text), object);
    assert.equal(find(`{.status.list[?(@.type=="B")].n}`), 2);
    assert.equal(find("{$.status.list[-1].type}"), "B");
    assert.equal(find("{.status['a.b']}"), true);
    assert.equal(find("{.status.list[*].n}"), 1);
    assert.equal(find("{.nothing}"), undefined);
    assert.ok(matchesJsonPath(parseJsonPath("{.status.list[0].n}=1"), object));
    assert.throws(() => parseJsonPath(".status"), /is no JSONPath expression/);
    assert.throws(() => parseJsonPath("{.a[}"), /at character 3/);
    const waiting = { metadata: { annotations: { "pulumi.com/waitFor": `["condition=Ready", "jsonpath={.a}=1"]` } } };
    assert.equal(judged(waiting).reasons.length, 2);
    assert.equal(
      judged({ ...waiting, a: 1, status: { conditions: [{ type: "Ready", status: "True" }] } }).state,
      "ready",
    );
    assert.equal(
      judgeOf({ metadata: { annotations: { "pulumi.com/skipAwait": "true" } }, kind: "Pod", apiVersion: "v1" }, true),
      undefined,
    );
  });
});

describe("manifests as text", () => {
  it("are read as Kubernetes reads them", () => {
    const [one] = decodeManifests("a: 0644\nb: yes\nc: 12:30:45\nd: 2001-01-01\ne: '1'\n---\n# empty\n---\n");
    assert.deepEqual(one, { a: 420, b: true, c: "12:30:45", d: "2001-01-01", e: "1" });
    assert.throws(() => decodeManifests("a: [1"), /decoding YAML/);
    assert.throws(() => decodeManifests("- a"), /no object/);
    assert.deepEqual(
      expandLists([{ kind: "List", items: [{ kind: "List", items: [{ kind: "A" }] }, { kind: "B" }] }]),
      [{ kind: "A" }, { kind: "B" }],
    );
  });

  it("are ordered by what they need, and refused in a circle", () => {
    const conf = (name: string, dependsOn: string): Manifest => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "n", annotations: { "config.kubernetes.io/depends-on": dependsOn } },
    });
    const ordered = orderManifests([
      conf("a", "/namespaces/n/ConfigMap/b"),
      conf("b", ""),
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } },
    ]);
    assert.deepEqual(
      ordered.map(({ manifest }) => (manifest["metadata"] as Manifest)["name"]),
      ["n", "b", "a"],
    );
    assert.throws(
      () => orderManifests([conf("a", "/namespaces/n/ConfigMap/b"), conf("b", "/namespaces/n/ConfigMap/a")]),
      /in a circle: \/ConfigMap\/n\/a -> \/ConfigMap\/n\/b -> \/ConfigMap\/n\/a/,
    );
  });
});

describe("the configuration of the Kubernetes provider", () => {
  const kubeconfig = (server: string) =>
    JSON.stringify({
      clusters: [
        { name: "c", cluster: { server } },
        { name: "d", cluster: { server: "https://d" } },
      ],
      contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "n" } }],
      users: [{ name: "u", user: { token: "t" } }],
      "current-context": "x",
    });

  it("replaces all objects when the cluster is another one", () => {
    const change = (oldInputs: Record<string, string>, inputs: Record<string, string>) =>
      diffConfig({ oldInputs, inputs });
    const [a, b] = [kubeconfig("https://a"), kubeconfig("https://b")];
    assert.deepEqual(change({ kubeconfig: a }, { kubeconfig: b }).replaces, ["kubeconfig"]);
    assert.deepEqual(change({ kubeconfig: a }, { kubeconfig: a.replace('"t"', '"u"') }).replaces, []);
    assert.deepEqual(
      change({ kubeconfig: a, clusterIdentifier: "1" }, { kubeconfig: b, clusterIdentifier: "1" }).replaces,
      [],
    );
    assert.deepEqual(
      change({ kubeconfig: a, clusterIdentifier: "1" }, { kubeconfig: a, clusterIdentifier: "2" }).replaces,
      ["clusterIdentifier"],
    );
    assert.deepEqual(change({ kubeconfig: a }, { kubeconfig: a }), { changes: false });
  });

  it("chooses context and cluster, and names what does not exist", () => {
    const settings = parseSettings(
      { kubeconfig: kubeconfig("https://a"), cluster: "d", deleteUnreachable: "true" },
      {},
    );
    assert.equal(loadKubeconfig(settings, {}).getCurrentCluster()?.server, "https://d");
    assert.equal(settings.deleteUnreachable, true);
    assert.throws(() => loadKubeconfig({ ...settings, context: "none" }, {}), /context "none" does not exist/);
    assert.throws(
      () => loadKubeconfig({ ...settings, kubeconfig: undefined }, { KUBECONFIG: "/nowhere" }),
      /\/nowhere\) does not exist/,
    );
    assert.throws(() => parseKubeconfig("/no/such/file"), /no kubeconfig, and no path of one/);
    assert.equal(parseSettings({}, { PULUMI_K8S_ENABLE_PATCH_FORCE: "true" }).enablePatchForce, true);
    assert.throws(() => parseSettings({ kubeClientSettings: `{"timeout":"soon"}` }, {}), /is a number of seconds/);
  });

  it("in strict mode wants its cluster to be named", () => {
    const failures = checkConfig({ urn: "", name: "default", inputs: { strictMode: "true" } }, {}).failures ?? [];
    assert.deepEqual(
      failures.map(({ property }) => property),
      ["", "kubeconfig", "context"],
    );
  });
});
