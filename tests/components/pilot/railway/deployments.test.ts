import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { DeploymentInputs } from "../../../../components/pilot/railway/providers/deployment-provider.ts";
import { privateHost, reference } from "../../../../components/pilot/railway/references.ts";
import { deploymentIn, makePlace, type Place, type Providers, providersOn, serviceIn, volumeIn } from "./lives.ts";
import { type RailwayServer, startRailway } from "./server.ts";
import { UNHURRIED } from "./world.ts";

describe("a deployment at Railway", () => {
  let server: RailwayServer;
  let providers: Providers;
  let place: Place;
  beforeEach(async () => {
    server = await startRailway({ plan: UNHURRIED });
    providers = providersOn(server);
    place = await makePlace(providers);
  });
  afterEach(() => server.close());

  const deploy = async (more: Partial<DeploymentInputs> = {}) => {
    const { id, outs } = await providers.deployment.create(deploymentIn(place, more));
    assert.ok(outs);
    return { id, outs };
  };

  it("is awaited, however slow it is and however late it is listed", async () => {
    server.world.deploySteps = 40;
    server.world.lag = 3;
    const { outs } = await deploy();
    assert.deepEqual([outs.status, outs.stopped], ["SUCCESS", false]);
  });

  it("is awaited until it has done its work, where that is wished", async () => {
    const inputs = serviceIn(place, { name: "migrate", restartPolicy: { type: "NEVER", maxRetries: 0 } });
    const { id } = await providers.service.create(inputs);
    const { outs } = await deploy({ serviceId: id, waitFor: "completed" });
    assert.equal(outs.stopped, true);
    await assert.rejects(deploy({ serviceId: id }), /ended as SUCCESS, stopped/, "it was to run on");
  });

  for (const [status, title] of [
    ["FAILED", "the build"],
    ["CRASHED", "the service"],
  ] as const) {
    it(`that ends as ${status} is told with the last lines of ${title}, and made anew by the next try`, async () => {
      const log = "boom: \u001b[31mno such\nfile";
      server.world.failing.set("worker", { status, log });
      await assert.rejects(
        deploy(),
        new RegExp(`of worker ended as ${status}.*last lines of ${title}:\\n    boom: \\[31mno such file`, "s"),
      );
      assert.equal((await deploy()).outs.status, "SUCCESS");
    });
  }

  it("is told as failed when its logs cannot be read", async () => {
    server.world.failing.set("worker", { status: "FAILED", log: "boom" });
    server.meet("AutomatosLogs", { kind: "says", message: "no logs" });
    await assert.rejects(deploy(), /RAILWAY_DEPLOY_FAILED/);
  });

  it("is told when its time is over", async () => {
    server.world.deploySteps = 10_000;
    await assert.rejects(deploy({ timeoutSeconds: 60 }), /is (BUILDING|DEPLOYING) after 60 seconds/);
  });

  it("is found crashed by a refresh, and started again", async () => {
    const { id, outs } = await deploy();
    const [running] = server.world.deployments;
    assert.ok(running);
    running.status = "CRASHED";
    const { props } = await providers.deployment.read(id, outs);
    assert.ok(props);
    assert.equal(props.status, "CRASHED");
    assert.equal((await providers.deployment.diff(id, props, deploymentIn(place))).changes, true);
    const updated = await providers.deployment.update(id, props, deploymentIn(place));
    assert.equal(updated.outs?.status, "SUCCESS");
    assert.equal((await providers.deployment.diff(id, outs, deploymentIn(place))).changes, false);
  });

  it("is made anew when what it runs with changed", async () => {
    const { id, outs } = await deploy();
    const news = deploymentIn(place, { triggers: { settings: "2" } });
    assert.deepEqual(await providers.deployment.diff(id, outs, news), { changes: true, replaces: [] });
    const updated = await providers.deployment.update(id, outs, news);
    assert.notEqual(updated.outs?.deploymentId, outs.deploymentId);
  });

  it("of a service with a volume has a downtime, and of another has none", async () => {
    await deploy();
    await deploy();
    assert.ok(!server.world.events.includes("downtime of worker"));
    await providers.volume.create(volumeIn(place));
    await deploy();
    assert.ok(server.world.events.includes("downtime of worker"));
  });

  it("gives the variables of others where they are referred to, and fails where they are not there", async () => {
    const { id: serviceId } = await providers.service.create(serviceIn(place, { name: "postgres" }));
    await providers.variables.create({ ...place, serviceId, variables: { PASSWORD: "hunter2" } });
    const url = `postgresql://x:${reference("postgres", "PASSWORD")}@${privateHost("postgres")}:5432/x`;
    await providers.variables.create({ ...place, variables: { DATABASE_URL: url } });
    await deploy();
    const { rendered } = server.world.deployments.at(-1) ?? {};
    assert.deepEqual(rendered, { DATABASE_URL: "postgresql://x:hunter2@postgres.railway.internal:5432/x" });

    await providers.variables.create({ ...place, variables: { A: reference("redis", "URL") } });
    await assert.rejects(deploy(), /there is no service redis/);
  });

  it("is gone with its service, and deletes nothing itself", async () => {
    const { id, outs } = await deploy();
    await providers.deployment.delete(id, outs);
    assert.equal((await providers.deployment.read(id, outs)).id, id);
    server.world.deleteProject(place.projectId);
    assert.equal((await providers.deployment.read(id, outs)).id, "");
  });
});
