/** Objects of a program in a real API server: made, changed, taken over, removed. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { clusterIsMissing, useCluster } from "../../../tests/support/cluster/cluster.ts";
import type { TestCluster } from "../../../tests/support/cluster/cluster.ts";
import { Kubectl } from "./support/kubectl.ts";
import { KubernetesStack } from "./support/stack.ts";

interface Changes {
  readonly data?: string;
  readonly replicas?: number;
  readonly app?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly options?: string;
  readonly rest?: string;
}

/** A namespace of random name, so that test runs on one cluster do not meet. */
function program({
  data = "one",
  replicas = 1,
  app = "web",
  annotations = {},
  options = "{}",
  rest = "",
}: Changes = {}): string {
  return `
    const space = new k8s.core.v1.Namespace("space");
    const namespace = space.metadata.name;
    const conf = new k8s.core.v1.ConfigMap("conf", { metadata: { namespace }, data: { key: "${data}", empty: "" } });
    const secret = new k8s.core.v1.Secret("secret", { metadata: { namespace, name: "fixed" }, stringData: { password: "correct-horse" } });
    const labels = { app: "${app}" };
    const web = new k8s.apps.v1.Deployment("web", {
      metadata: { namespace, name: "web", annotations: { "pulumi.com/skipAwait": "true", ...${JSON.stringify(annotations)} } },
      spec: { replicas: ${replicas}, selector: { matchLabels: labels }, template: {
        metadata: { labels },
        spec: { hostNetwork: false, containers: [{ name: "web", image: "none.test/web", resources: { limits: { cpu: "1000m", memory: "1024Mi" } } }] },
      } },
    }, ${options});
    exports.namespace = namespace;
    exports.conf = conf.metadata.name;
    exports.password = secret.data.password;
    ${rest}`;
}

const missing = await clusterIsMissing();

describe("Kubernetes objects", { skip: missing }, () => {
  let cluster: TestCluster;
  let kubectl: Kubectl;
  let stack: KubernetesStack;
  let namespace = "";

  before(async () => {
    cluster = await useCluster("control-plane");
    kubectl = new Kubectl(cluster);
    stack = await KubernetesStack.create(cluster.kubeconfig);
  });
  after(async () => {
    await stack.remove();
    await cluster.release();
  });

  it("are previewed by the API server, and not made", async () => {
    await stack.program(program());
    assert.deepEqual(await stack.plan(), {
      "sample-dev": ["create"],
      space: ["create"],
      conf: ["create"],
      secret: ["create"],
      web: ["create"],
    });
    await stack.program(`new k8s.core.v1.ConfigMap("bad", { metadata: { name: "Not A Name" } });`);
    const refused = await stack.run("preview");
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout + refused.stderr, /Invalid value: "Not A Name"/);
  });

  it("are made with names of their own and a field manager, and no secret in the clear", async () => {
    await stack.program(program());
    const shown = await stack.up();
    const resources = await stack.resources();
    namespace = resources["space"]?.id ?? "";
    assert.match(namespace, /^space-[0-9a-f]{8}$/);
    assert.match(resources["conf"]?.id ?? "", new RegExp(`^${namespace}/conf-[0-9a-f]{8}$`));
    assert.equal(resources["web"]?.id, `${namespace}/web`);
    assert.match(String(resources["web"].outputs["__fieldManager"]), /^pulumi-kubernetes-[0-9a-f]{8}$/);
    const secret = await kubectl.get("-n", namespace, "secret", "fixed");
    assert.deepEqual(secret?.data, { password: Buffer.from("correct-horse").toString("base64") });
    const state = await readFile(stack.sandbox.stateFile("dev"), "utf8");
    for (const text of [shown, state])
      for (const form of ["correct-horse", Buffer.from("correct-horse").toString("base64")])
        assert.ok(!text.includes(form), `${form} is shown`);
  });

  it("that are the same are left alone: defaults, quantities and empty values are no difference", async () => {
    await stack.up("--expect-no-changes");
    await stack.up("--refresh --expect-no-changes");
  });

  it("are updated in place by server-side apply; what a Pod was given is replaced", async () => {
    await stack.program(program({ data: "two", replicas: 2 }));
    assert.deepEqual(await stack.plan(), {
      conf: ["replace"],
      web: ["update"],
    });
    const { conf } = await stack.resources();
    await stack.up();
    const web = await kubectl.get("-n", namespace, "deployment", "web");
    assert.equal(web?.spec["replicas"], 2);
    const { web: state, conf: replaced } = await stack.resources();
    const managers = web.metadata.managedFields.map(({ manager, operation }) => `${manager} ${operation}`);
    assert.ok(managers.includes(`${String(state?.outputs["__fieldManager"])} Apply`), managers.join());
    assert.ok(!managers.includes("pulumi-kubernetes Update"), managers.join());
    assert.notEqual(replaced?.id, conf?.id);
    assert.equal(await kubectl.get("-n", namespace, "configmap", conf?.id.split("/")[1] ?? ""), undefined);
  });

  it("with a fixed name are deleted before they are replaced", async () => {
    const before = await kubectl.get("-n", namespace, "deployment", "web");
    await stack.program(program({ data: "two", replicas: 2, app: "other" }));
    assert.deepEqual(await stack.plan(), { web: ["replace"] });
    await stack.up();
    const now = await kubectl.get("-n", namespace, "deployment", "web");
    assert.notEqual(now?.metadata.uid, before?.metadata.uid);
  });

  it("that drifted are seen at refresh and put back", async () => {
    await kubectl.run("-n", namespace, "patch", "deployment", "web", "--patch", `{"spec":{"replicas":5}}`);
    await stack.up("--refresh");
    assert.equal((await kubectl.get("-n", namespace, "deployment", "web"))?.spec["replicas"], 2);
  });

  it("that another manager owns are a conflict that names it, until it is forced or ignored", async () => {
    const other = ["--server-side", "--field-manager=autoscaler", "--force-conflicts", "-f"];
    const file = `${stack.sandbox.folder}/replicas.json`;
    const manifest = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, spec: { replicas: 7 } };
    await stack.sandbox.write("../replicas.json", JSON.stringify(manifest));
    await kubectl.run("-n", namespace, "apply", ...other, file);

    await stack.program(program({ data: "two", replicas: 3, app: "other" }));
    const conflict = await stack.run("up --yes --skip-preview");
    assert.notEqual(conflict.code, 0);
    assert.match(conflict.stdout, /conflict with "autoscaler": .*spec\.replicas/);
    assert.match(conflict.stdout, /pulumi\.com\/patchForce/);

    await stack.program(
      program({
        data: "two",
        replicas: 3,
        app: "other",
        options: `{ ignoreChanges: ["spec.replicas"] }`,
        annotations: { a: "1" },
      }),
    );
    await stack.up();
    const ignored = await kubectl.get("-n", namespace, "deployment", "web");
    assert.equal(ignored?.spec["replicas"], 7);
    assert.equal(ignored.metadata.annotations?.["a"], "1");

    const forced = { "pulumi.com/patchForce": "true" };
    await stack.program(program({ data: "two", replicas: 3, app: "other", annotations: forced }));
    await stack.up();
    const now = await kubectl.get("-n", namespace, "deployment", "web");
    assert.equal(now?.spec["replicas"], 3);
    assert.equal(now.metadata.annotations?.["a"], undefined, "what is no longer applied is removed");
  });

  it("that exist are patched, read, imported, and not made twice", async () => {
    await kubectl.run("-n", namespace, "create", "configmap", "theirs", "--from-literal=a=1");
    const patch = `
      const patch = new k8s.core.v1.ConfigMapPatch("patch", { metadata: { namespace, name: "theirs" }, data: { b: "2" } });
      exports.theirs = k8s.core.v1.ConfigMap.get("got", "${namespace}/theirs", { dependsOn: patch }).data;
      new k8s.core.v1.ConfigMap("imported", { metadata: { namespace, name: "adopted" }, data: { c: "3" } }, { import: "${namespace}/adopted" });`;
    await kubectl.run("-n", namespace, "create", "configmap", "adopted", "--from-literal=c=3");
    const unchanged = { data: "two", replicas: 3, app: "other", annotations: { "pulumi.com/patchForce": "true" } };
    await stack.program(program({ ...unchanged, rest: patch }));
    await stack.up();
    const outputs = JSON.parse(await stack.sandbox.succeed("stack output --json")) as { theirs: unknown };
    assert.deepEqual(outputs.theirs, { a: "1", b: "2" });
    const { imported } = await stack.resources();
    assert.deepEqual(imported?.inputs["data"], { c: "3" });

    const twice = `new k8s.core.v1.ConfigMap("twice", { metadata: { namespace, name: "theirs" } });`;
    await stack.program(program({ ...unchanged, rest: patch + twice }));
    const refused = await stack.run("up --yes --skip-preview");
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout, /configmaps "theirs" already exists[^]*upsertExistingObjects/);

    await stack.program(program(unchanged));
    await stack.up();
    const theirs = await kubectl.get("-n", namespace, "configmap", "theirs");
    assert.deepEqual(theirs?.data, { a: "1" }, "a patch takes back its own fields alone");
  });

  it("are gone when destroy ends, the namespace with all in it", async () => {
    await stack.sandbox.succeed("destroy --yes --skip-preview");
    assert.equal(await kubectl.get("namespace", namespace), undefined);
  });
});
