/** What an update waits for, on a node where Pods really run: and why it waited in vain. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { BUSYBOX_IMAGE, clusterIsMissing, useCluster } from "../../../tests/support/cluster/cluster.ts";
import type { TestCluster } from "../../../tests/support/cluster/cluster.ts";
import { Kubectl } from "./support/kubectl.ts";
import { KubernetesStack } from "./support/stack.ts";

const LIBRARY = `
  const space = new k8s.core.v1.Namespace("space");
  const namespace = space.metadata.name;
  const pod = (command, more = {}) => ({
    terminationGracePeriodSeconds: 0,
    containers: [{ name: "main", image: "${BUSYBOX_IMAGE}", command: ["/bin/sh", "-c", command], ...more }],
  });
  const serve = "httpd -f -p 8080 -h /tmp";
  const probe = { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } };
  const labels = (app) => ({ metadata: { labels: { app } } });
  const set = (app, spec) => ({ selector: { matchLabels: { app } }, template: { ...labels(app), spec } });
  exports.namespace = namespace;
`;

const missing = await clusterIsMissing();

describe("readiness of Kubernetes objects", { skip: missing }, () => {
  let cluster: TestCluster;
  let kubectl: Kubectl;
  let stack: KubernetesStack;

  before(async () => {
    cluster = await useCluster("node");
    kubectl = new Kubectl(cluster);
    stack = await KubernetesStack.create(cluster.kubeconfig);
  });
  after(async () => {
    await stack.run("destroy --yes --skip-preview");
    await stack.remove();
    await cluster.release();
  });

  it("is waited for: Pods that serve, Jobs that are done, Services with Pods behind them", async () => {
    await stack.program(`${LIBRARY}
      const web = new k8s.apps.v1.Deployment("web", { metadata: { namespace }, spec: { replicas: 2, ...set("web", pod(serve, probe)) } });
      const service = new k8s.core.v1.Service("traffic", { metadata: { namespace }, spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] } });
      const state = new k8s.apps.v1.StatefulSet("state", { metadata: { namespace }, spec: { serviceName: "state", ...set("state", pod(serve, probe)) } });
      const agent = new k8s.apps.v1.DaemonSet("agent", { metadata: { namespace }, spec: set("agent", pod(serve, probe)) });
      const single = new k8s.core.v1.Pod("single", { metadata: { namespace }, spec: pod(serve, probe) });
      const job = new k8s.batch.v1.Job("job", { metadata: { namespace }, spec: { template: { spec: { ...pod("exit 0"), restartPolicy: "Never" } } } });
      exports.running = [web.status.readyReplicas, state.status.readyReplicas, agent.status.numberReady, single.status.phase, job.status.succeeded];
      exports.address = service.spec.clusterIP;
    `);
    await stack.up();
    const outputs = JSON.parse(await stack.sandbox.succeed("stack output --json")) as Record<string, unknown>;
    assert.deepEqual(outputs["running"], [2, 1, 1, "Running", 1]);
    assert.match(String(outputs["address"]), /^10\.96\./);
  });

  it("that is not reached is an error with the reason; the object is kept, and mended by the next update", async () => {
    const program = (image: string) => `${LIBRARY}
      new k8s.apps.v1.Deployment("late", { metadata: { namespace, name: "late" }, spec: { progressDeadlineSeconds: 600,
        ...set("web", pod(serve, { ...probe, image: "${image}" })) } }, { customTimeouts: { create: "6s", update: "60s" } });`;
    await stack.program(program("none.test/missing:1"));
    const failed = await stack.run("up --yes --skip-preview");
    assert.notEqual(failed.code, 0);
    assert.match(failed.stdout, /timed out waiting to be Ready/);
    assert.match(failed.stdout, /ImagePullBackOff|ErrImagePull/);
    assert.match(failed.stdout, /Minimum number of live Pods was not attained/);
    const { late } = await stack.resources();
    assert.ok((late?.initErrors?.length ?? 0) > 1, JSON.stringify(late?.initErrors));

    await stack.program(program(BUSYBOX_IMAGE));
    await stack.up();
    assert.equal((await stack.resources())["late"]?.initErrors, undefined);
  });

  it("fails at once where waiting mends nothing: a Job that gave up, with what its Pod said", async () => {
    await stack.program(`${LIBRARY}
      new k8s.batch.v1.Job("job", { metadata: { namespace }, spec: { backoffLimit: 0, template: { spec: {
        ...pod("echo broken on purpose > /dev/termination-log; exit 3"), restartPolicy: "Never" } } } });`);
    const failed = await stack.run("up --yes --skip-preview");
    assert.notEqual(failed.code, 0);
    assert.match(failed.stdout, /\[BackoffLimitExceeded\]/);
    assert.match(failed.stdout, /exit code 3 \(Error\): broken on purpose/);
  });

  it("is what the program says, with pulumi.com/waitFor; a deletion that is held names its finalizers", async () => {
    const conf = (annotations: object, finalizers: string[]) => `${LIBRARY}
      new k8s.core.v1.ConfigMap("conf", { metadata: { namespace, name: "conf", finalizers: ${JSON.stringify(finalizers)},
        annotations: ${JSON.stringify(annotations)} }, data: { phase: "Open" } }, { customTimeouts: { create: "2s", delete: "2s" } });`;
    await stack.program(conf({ "pulumi.com/waitFor": "jsonpath={.data.phase}=Closed" }, ["example.test/held"]));
    const waited = await stack.run("up --yes --skip-preview");
    assert.match(waited.stdout, /waiting for \{\.data\.phase\}=Closed \(found "Open"\)/);
    await stack.program(LIBRARY);
    const held = await stack.run("up --yes --skip-preview");
    assert.notEqual(held.code, 0);
    assert.match(held.stdout, /finalizers might be preventing deletion: .*example\.test\/held/);
    const namespace = (await stack.resources())["space"]?.id ?? "";
    await kubectl.run("-n", namespace, "patch", "configmap", "conf", "--patch", `{"metadata":{"finalizers":null}}`);
    await stack.up();
  });
});
