import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { ServiceInputs } from "../../../../components/pilot/railway/providers/service-provider.ts";
import {
  deploymentIn,
  domainIn,
  makePlace,
  type Place,
  PROJECT,
  type Providers,
  providersOn,
  serviceIn,
  volumeIn,
} from "./lives.ts";
import { FOREIGN_TOKEN, type RailwayServer, startRailway } from "./server.ts";
import { UNHURRIED } from "./world.ts";

describe("resources at Railway", () => {
  let server: RailwayServer;
  let providers: Providers;
  let place: Place;
  beforeEach(async () => {
    server = await startRailway({ plan: UNHURRIED });
    providers = providersOn(server);
    place = await makePlace(providers);
  });
  afterEach(() => server.close());

  const reasons = async (check: Promise<{ failures?: { reason: string }[] }>) =>
    ((await check).failures ?? []).map(({ reason }) => reason);

  it("are gone once they were deleted by hand, and to delete them then is no error", async () => {
    const service = { id: place.serviceId, outs: (await providers.service.create(serviceIn(place))).outs };
    const volume = await providers.volume.create(volumeIn(place, { deletionAllowed: true }));
    const domain = await providers.domain.create(domainIn(place));
    const variables = await providers.variables.create({ ...place, variables: { A: "1" } });
    const project = await providers.project.create(PROJECT);
    assert.ok(volume.outs && domain.outs && variables.outs && service.outs && project.outs);
    server.world.deleteProject(place.projectId);

    const ids = await Promise.all([
      providers.volume.read(volume.id, volume.outs),
      providers.domain.read(domain.id, domain.outs),
      providers.variables.read(variables.id, variables.outs),
      providers.service.read(service.id, service.outs),
      providers.project.read(project.id, project.outs),
    ]);
    assert.deepEqual(
      ids.map(({ id }) => id),
      ["", "", "", "", ""],
    );
    await providers.domain.delete(domain.id, domain.outs);
    await providers.variables.delete(variables.id, variables.outs);
    await providers.volume.delete(volume.id, volume.outs);
    await providers.service.delete(service.id, service.outs);
    await providers.project.delete(project.id, project.outs);
  });

  it("are not taken for gone with a token that does not see their workspace, neither read nor deleted", async () => {
    const service = await providers.service.create(serviceIn(place));
    const volume = await providers.volume.create(volumeIn(place, { deletionAllowed: true }));
    const domain = await providers.domain.create(domainIn(place));
    const variables = await providers.variables.create({ ...place, variables: { A: "1" } });
    const deployment = await providers.deployment.create(deploymentIn(place));
    const project = await providers.project.create(PROJECT);
    assert.ok(volume.outs && domain.outs && variables.outs && deployment.outs && project.outs && service.outs);
    const foreign = providersOn(server, FOREIGN_TOKEN);
    const HIDDEN =
      /sees neither project .* nor the workspace workspace-1.*RAILWAY_UNAUTHORIZED.*a token of that workspace/;
    await assert.rejects(foreign.volume.read(volume.id, volume.outs), HIDDEN);
    await assert.rejects(foreign.domain.read(domain.id, domain.outs), HIDDEN);
    await assert.rejects(foreign.variables.read(variables.id, variables.outs), HIDDEN);
    await assert.rejects(foreign.service.read(service.id, service.outs), HIDDEN);
    await assert.rejects(foreign.deployment.read(deployment.id, deployment.outs), HIDDEN);
    await assert.rejects(foreign.project.read(project.id, project.outs), HIDDEN);
    await assert.rejects(foreign.volume.delete(volume.id, volume.outs), HIDDEN);
    await assert.rejects(foreign.domain.delete(domain.id, domain.outs), HIDDEN);
    await assert.rejects(foreign.variables.delete(variables.id, variables.outs), HIDDEN);
    await assert.rejects(foreign.service.delete(service.id, service.outs), HIDDEN);
    await assert.rejects(foreign.project.delete(project.id, project.outs), HIDDEN);
  });

  it("are not taken for gone where the project is listed and cannot be read", async () => {
    const { id, outs } = await providers.project.create(PROJECT);
    assert.ok(outs);
    const says = { kind: "says", message: "Project not found" } as const;
    server.meet("AutomatosProject", says, says);
    await assert.rejects(providers.project.read(id, outs), /may not read it.*RAILWAY_UNAUTHORIZED/);
  });

  describe("a project", () => {
    it("is renamed in place, and its drift is found", async () => {
      const { id, outs } = await providers.project.create(PROJECT);
      assert.ok(outs);
      const [held] = server.world.projects;
      assert.ok(held);
      held.name = "by-hand";
      const { props } = await providers.project.read(id, outs);
      assert.equal(props?.name, "by-hand");
      assert.deepEqual(await providers.project.diff(id, props, PROJECT), { changes: true, replaces: [] });
      await providers.project.update(id, props, PROJECT);
      assert.equal(held.name, "automatos");
      assert.equal((await providers.project.diff(id, outs, PROJECT)).changes, false);
      assert.deepEqual((await providers.project.diff(id, outs, { ...PROJECT, workspaceId: "2" })).replaces, [
        "workspaceId",
      ]);
    });

    it("is not deleted while a volume is in it, whatever the volume's own protection", async () => {
      const { id, outs } = await providers.project.create(PROJECT);
      assert.ok(outs);
      const volume = await providers.volume.create(volumeIn(place, { deletionAllowed: true }));
      await assert.rejects(providers.project.delete(id, outs), /worker-volume.*RAILWAY_PROTECTED/);
      assert.ok(volume.outs);
      await providers.volume.delete(volume.id, volume.outs);
      await providers.project.delete(id, outs);
      assert.deepEqual(server.world.events, [], "no data were deleted with it");
      await providers.project.delete(id, outs);
    });
  });

  describe("a service", () => {
    const full: Partial<ServiceInputs> = {
      startCommand: "node main.ts",
      healthcheckPath: "/readyz",
      healthcheckTimeoutSeconds: 60,
      region: "us-west2",
      drainingSeconds: 30,
      limits: { cpu: 2, memoryGb: 2 },
      registryCredentials: { username: "u", password: "p" },
    };

    it("has the settings it was given, and is the same when it is read", async () => {
      const inputs = serviceIn(place, { ...full, name: "api" });
      const { id, outs } = await providers.service.create(inputs);
      assert.ok(outs);
      const held = server.world.service(id);
      assert.deepEqual(held.limits, { cpu: 2, memoryBytes: 2_000_000_000 });
      assert.equal(held.instance["healthcheckTimeout"], 60);
      const { props } = await providers.service.read(id, outs);
      assert.ok(props);
      assert.deepEqual(props, outs);
      assert.equal((await providers.service.diff(id, props, inputs)).changes, false);
    });

    it("leaves alone what it was not given", async () => {
      const inputs = serviceIn(place);
      const { outs } = await providers.service.create(inputs);
      assert.ok(outs);
      server.world.service(place.serviceId).instance["healthcheckTimeout"] = 17;
      const { props } = await providers.service.read(place.serviceId, outs);
      assert.ok(props);
      assert.equal((await providers.service.diff(place.serviceId, props, inputs)).changes, false);
    });

    const drifts: [string, (held: ReturnType<RailwayServer["world"]["service"]>) => void][] = [
      ["another image", ({ instance }) => (instance["source"] = { image: "evil" })],
      ["another start command", ({ instance }) => (instance["startCommand"] = "sleep 1")],
      ["another path of its health", ({ instance }) => (instance["healthcheckPath"] = null)],
      ["another restart policy", ({ instance }) => (instance["restartPolicyType"] = "NEVER")],
      ["more replicas", ({ instance }) => (instance["numReplicas"] = 3)],
      ["other limits", (held) => (held.limits = { cpu: 8, memoryBytes: 8_000_000_000 })],
      ["another name", (held) => (held.name = "by-hand")],
    ];
    for (const [what, change] of drifts) {
      it(`is found with ${what}, and put back`, async () => {
        const inputs = serviceIn(place, full);
        const { outs } = await providers.service.create(inputs);
        assert.ok(outs);
        const held = server.world.service(place.serviceId);
        change(held);
        const { props } = await providers.service.read(place.serviceId, outs);
        assert.ok(props);
        assert.deepEqual(await providers.service.diff(place.serviceId, props, inputs), { changes: true, replaces: [] });
        const updated = await providers.service.update(place.serviceId, props, inputs);
        assert.notEqual(updated.outs?.revision, outs.revision, "what runs is deployed anew");
        const again = await providers.service.read(place.serviceId, updated.outs);
        assert.ok(again.props);
        assert.equal((await providers.service.diff(place.serviceId, again.props, inputs)).changes, false);
      });
    }

    it("goes back to the plan's limits when they are taken out", async () => {
      const { outs } = await providers.service.create(serviceIn(place, full));
      assert.ok(outs);
      await providers.service.update(place.serviceId, outs, serviceIn(place));
      assert.equal(server.world.service(place.serviceId).limits, null);
    });

    it("has one replica with a volume, and a name that can be a host's", async () => {
      const check = (more: Partial<ServiceInputs>) =>
        reasons(providers.service.check({} as ServiceInputs, serviceIn(place, more)));
      assert.deepEqual(await check({}), []);
      assert.match((await check({ volume: true, replicas: 2 })).join(), /one replica only/);
      assert.deepEqual(await check({ replicas: 2 }), []);
      assert.match((await check({ name: "My Service" })).join(), /host name/);
      assert.match((await check({ healthcheckPath: "readyz" })).join(), /slash/);
    });

    it("is not deleted while its volume is there", async () => {
      const { outs } = await providers.service.create(serviceIn(place));
      assert.ok(outs);
      await providers.volume.create(volumeIn(place));
      await assert.rejects(providers.service.delete(place.serviceId, outs), /RAILWAY_PROTECTED/);
    });
  });

  describe("variables", () => {
    it("are written as one, without a deployment, and their drift is found in both directions", async () => {
      const inputs = { ...place, variables: { A: "1", PASSWORD: "hunter2", RAILWAY_RUN_UID: "0" } };
      const { id, outs } = await providers.variables.create(inputs);
      assert.ok(outs);
      const held = server.world.service(place.serviceId);
      assert.equal(server.world.deployments.length, 0);
      const same = await providers.variables.read(id, outs);
      assert.deepEqual(same.props, outs, "what Railway provides is not taken for drift");

      held.variables = { A: "2", PASSWORD: "hunter2", RAILWAY_RUN_UID: "0", ADDED: "x" };
      const { props } = await providers.variables.read(id, outs);
      assert.ok(props);
      assert.equal((await providers.variables.diff(id, props, inputs)).changes, true);
      const updated = await providers.variables.update(id, props, inputs);
      assert.deepEqual(held.variables, inputs.variables);
      assert.notEqual(updated.outs?.revision, outs.revision);
      await providers.variables.delete(id, outs);
      assert.deepEqual(held.variables, {});
    });

    it("name what is wrong with them, and no value", async () => {
      const inputs = { ...place, variables: { "not a name": "hunter2" } };
      const [reason = ""] = await reasons(providers.variables.check(inputs, inputs));
      assert.match(reason, /name of a variable/);
      assert.ok(!reason.includes("hunter2"));
    });
  });

  describe("a domain", () => {
    it("keeps its name when its port changes, and its drift is found", async () => {
      const { id, outs } = await providers.domain.create(domainIn(place));
      assert.ok(outs);
      assert.match(outs.domain, /^worker-production-.*\.up\.railway\.app$/);
      const [held] = server.world.domains;
      assert.ok(held);
      held.targetPort = 1;
      const { props } = await providers.domain.read(id, outs);
      assert.ok(props);
      assert.equal((await providers.domain.diff(id, props, domainIn(place))).changes, true);
      const updated = await providers.domain.update(id, props, domainIn(place));
      assert.deepEqual([held.targetPort, updated.outs?.domain], [8080, outs.domain]);
      await providers.domain.delete(id, outs);
      await providers.domain.delete(id, outs);
      assert.equal((await providers.domain.read(id, outs)).id, "");
    });
  });
});
