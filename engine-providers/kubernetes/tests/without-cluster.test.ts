/** What works where no cluster can be reached, and what says so. */
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { after, describe, it } from "node:test";
import { KubernetesStack } from "./support/stack.ts";

/** Nothing listens on port 1 of this machine. */
const UNREACHABLE = JSON.stringify({
  apiVersion: "v1",
  kind: "Config",
  "current-context": "gone",
  clusters: [{ name: "gone", cluster: { server: "http://127.0.0.1:1" } }],
  contexts: [{ name: "gone", context: { cluster: "gone", user: "me" } }],
  users: [{ name: "me", user: { token: "secret-token-of-nobody" } }],
});

describe("without a cluster", () => {
  let stack: KubernetesStack;
  const stacks: KubernetesStack[] = [];
  const begin = async (environment: Readonly<Record<string, string>> = {}) => {
    stack = await KubernetesStack.create(UNREACHABLE, environment);
    stacks.push(stack);
  };
  after(() => Promise.all(stacks.map((one) => one.remove())));

  it("a preview says what would be; an update says which cluster it did not reach", async () => {
    await begin();
    await stack.program(`
      const provider = new k8s.Provider("provider", { kubeconfig: process.env.KUBECONFIG });
      new k8s.core.v1.ConfigMap("conf", { data: { a: "1" } }, { provider });`);
    assert.deepEqual((await stack.plan())["conf"], ["create"]);
    const failed = await stack.run("up --yes --skip-preview");
    assert.notEqual(failed.code, 0);
    assert.match(
      failed.stdout,
      /configured Kubernetes cluster is unreachable: http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED/,
    );
    assert.ok(!failed.stdout.includes("secret-token-of-nobody"));
  });

  it("a configuration that cannot work is refused by name", async () => {
    await begin();
    await stack.program(
      `new k8s.Provider("provider", { enableServerSideApply: false, renderYamlToDirectory: "out", cluster: "gone" });`,
    );
    const refused = await stack.run("preview");
    assert.notEqual(refused.code, 0);
    const shown = refused.stdout + refused.stderr;
    assert.match(shown, /enableServerSideApply.*works by server-side apply alone/);
    assert.match(shown, /"cluster" arg is not compatible with "renderYamlToDirectory"/);
  });

  it("manifests are rendered to files, follow the program, and are removed with it", async () => {
    await begin();
    const folder = path.join(stack.sandbox.folder, "rendered");
    const program = (data: string) => `
      const provider = new k8s.Provider("provider", { renderYamlToDirectory: "${folder}" });
      new k8s.core.v1.ConfigMap("conf", { metadata: { name: "conf" }, data: { a: "${data}" } }, { provider });
      new k8s.apiextensions.v1.CustomResourceDefinition("definition", { metadata: { name: "widgets.example.test" }, spec: {
        group: "example.test", scope: "Namespaced", names: { kind: "Widget", plural: "widgets" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", x_kubernetes_preserve_unknown_fields: true } } }],
      } }, { provider });`;
    await stack.program(program("1"));
    await stack.plan();
    await assert.rejects(readdir(folder), "a preview writes nothing");
    await stack.up();
    const files = (await readdir(folder, { recursive: true })).filter((file) => file.endsWith(".yaml")).sort();
    assert.deepEqual(files, [
      "0-crd/apiextensions.k8s.io_v1-customresourcedefinition-default-widgets.example.test.yaml",
      "1-manifest/v1-configmap-default-conf.yaml",
    ]);
    const file = path.join(folder, files[1] ?? "");
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(
      await readFile(file, "utf8"),
      'apiVersion: v1\ndata:\n  a: "1"\nkind: ConfigMap\nmetadata:\n  name: conf\n  namespace: default\n',
    );
    assert.match(
      await readFile(path.join(folder, files[0] ?? ""), "utf8"),
      /x-kubernetes-preserve-unknown-fields: true/,
    );
    await stack.program(program("2"));
    await stack.up();
    assert.match(await readFile(file, "utf8"), /a: "2"/);
    await stack.sandbox.succeed("destroy --yes --skip-preview");
    assert.deepEqual(await readdir(path.join(folder, "1-manifest")), []);
  });
});
