import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { deploymentIn, domainIn, makePlace, PROJECT, providersOn, serviceIn, volumeIn } from "./lives.ts";
import { type Fault, type RailwayServer, startRailway } from "./server.ts";
import { UNHURRIED } from "./world.ts";

/** Each thing that is made: how, by which operation, and how many of it there are. */
const KINDS = ["project", "service", "volume", "domain", "deployment"] as const;
const OPERATIONS = {
  project: "AutomatosProjectCreate",
  service: "AutomatosServiceCreate",
  volume: "AutomatosVolumeCreate",
  domain: "AutomatosDomainCreate",
  deployment: "AutomatosDeploy",
} as const;

describe("what is made at Railway", () => {
  let server: RailwayServer;
  beforeEach(async () => {
    server = await startRailway({ plan: UNHURRIED });
  });
  afterEach(() => server.close());

  /** Makes a thing of a kind, and says its id each time it is called. */
  const maker = async (kind: (typeof KINDS)[number]): Promise<() => Promise<string>> => {
    const providers = providersOn(server);
    if (kind === "project") return async () => (await providers.project.create(PROJECT)).id;
    const place = await makePlace(providers);
    if (kind === "service") return async () => (await providers.service.create(serviceIn(place, { name: "api" }))).id;
    if (kind === "volume") return async () => (await providers.volume.create(volumeIn(place))).id;
    if (kind === "domain") return async () => (await providers.domain.create(domainIn(place))).id;
    return async () => (await providers.deployment.create(deploymentIn(place))).outs?.deploymentId ?? "";
  };
  const count = (kind: (typeof KINDS)[number]): number => {
    const { projects, services, volumes, domains, deployments } = server.world;
    const api = services.filter(({ name }) => name === "api");
    return { project: projects, service: api, volume: volumes, domain: domains, deployment: deployments }[kind].length;
  };

  for (const kind of KINDS) {
    for (const fault of ["loses-answer", "fails-afterwards"] as const) {
      for (const lag of [0, 2]) {
        it(`is there once when the answer about a ${kind} was lost (${fault}, listed ${lag} looks later)`, async () => {
          const make = await maker(kind);
          server.world.lag = lag;
          server.meet(OPERATIONS[kind], { kind: fault });
          assert.notEqual(await make(), "");
          assert.equal(count(kind), 1);
        });
      }
    }

    it(`is there once when a ${kind} could not be made at first`, async () => {
      const make = await maker(kind);
      const faults: Fault[] = [{ kind: "hangs-up" }, { kind: "fails" }, { kind: "turns-away", retryAfter: "3" }];
      server.meet(OPERATIONS[kind], ...faults);
      await make();
      assert.equal(count(kind), 1);
    });

    if (kind !== "deployment") {
      it(`is taken over when the engine was killed before it kept the ${kind}`, async () => {
        const make = await maker(kind);
        const first = await make();
        assert.equal(await make(), first);
        assert.equal(count(kind), 1);
      });
    }
  }

  it("is not taken from another stack: a project of the same name is refused", async () => {
    server.world.createProject({ ...PROJECT, description: "my own", defaultEnvironmentName: "production" });
    await assert.rejects(providersOn(server).project.create(PROJECT), /RAILWAY_NAME_TAKEN.*importId/);
    assert.equal(server.world.projects.length, 1);
  });

  describe("a service of the same name that somebody added by hand", () => {
    const owner = "5eed";
    const byHand = async (
      change: (place: { projectId: string; environmentId: string; serviceId: string }) => unknown,
    ) => {
      const providers = providersOn(server);
      const { workspaceId, projectId, environmentId } = await makePlace(providers);
      const { id: serviceId } = server.world.createService({ projectId, name: "redis" });
      await change({ projectId, environmentId, serviceId });
      const inputs = serviceIn({ projectId, environmentId }, { name: "redis", image: "redis@sha256:0002", owner });
      return { providers, workspaceId, serviceId, inputs, held: server.world.service(serviceId) };
    };
    const setImage = (serviceId: string, image: string) =>
      server.world.updateInstance(serviceId, { source: { image } });

    it("is refused with what it has and a way out, and nothing of it is changed", async () => {
      const { providers, inputs, held } = await byHand(({ serviceId }) => {
        setImage(serviceId, "redis:my-own");
        server.world.service(serviceId).variables = { MY: "data" };
        server.world.deploy(serviceId);
      });
      const before = structuredClone(held);
      await assert.rejects(
        providers.service.create(inputs),
        /redis \(.*with variables and another image and deployments.*RAILWAY_NAME_TAKEN.*Rename.*importId/,
      );
      assert.deepEqual([held.instance, held.variables], [before.instance, before.variables]);
    });

    for (const [what, change] of [
      ["deployments", (id: string) => [setImage(id, "redis@sha256:0002"), server.world.deploy(id)]],
      ["variables", (id: string) => (server.world.service(id).variables = { MY: "data" })],
      ["another image", (id: string) => setImage(id, "redis:my-own")],
      ["a repository", (id: string) => server.world.updateInstance(id, { source: { repo: "my/redis" } })],
      ["variables", (id: string) => (server.world.service(id).variables = { AUTOMATOS_STACK: "another" })],
    ] as const) {
      it(`is refused for ${what} alone`, async () => {
        const { providers, inputs } = await byHand(({ serviceId }) => change(serviceId));
        await assert.rejects(providers.service.create(inputs), new RegExp(`with ${what} that this stack did not make`));
      });
    }

    it("is taken over by its id all the same", async () => {
      const { providers, inputs, serviceId, held } = await byHand((place) =>
        server.world.updateInstance(place.serviceId, { source: { image: "redis:my-own" } }),
      );
      const { id } = await providers.service.create({ ...inputs, importId: serviceId });
      assert.deepEqual([id, held.instance["source"]], [serviceId, { image: "redis@sha256:0002" }]);
    });

    it("is taken over where it is no more than a name, or its variables name this stack", async () => {
      const bare = await byHand(() => undefined);
      assert.equal((await bare.providers.service.create(bare.inputs)).id, bare.serviceId);
      server.world.service(bare.serviceId).variables = { AUTOMATOS_STACK: owner, A: "1" };
      server.world.deploy(bare.serviceId);
      assert.equal((await bare.providers.service.create(bare.inputs)).id, bare.serviceId);
    });
  });

  it("is not guessed when there are two", async () => {
    for (let twin = 0; twin < 2; twin += 1) {
      server.world.createProject({ ...PROJECT, defaultEnvironmentName: "production" });
    }
    await assert.rejects(providersOn(server).project.create(PROJECT), /RAILWAY_AMBIGUOUS/);
  });

  it("is found on any page of a list", async () => {
    for (let other = 0; other < 7; other += 1) {
      server.world.createProject({ ...PROJECT, name: `other-${other}`, defaultEnvironmentName: "production" });
    }
    const providers = providersOn(server);
    const { id } = await providers.project.create(PROJECT);
    assert.equal((await providers.project.create(PROJECT)).id, id);
  });

  it("is taken over by its id, with its settings made as they are wanted, and with a new name", async () => {
    const providers = providersOn(server);
    const { world } = server;
    const given = world.createProject({ ...PROJECT, name: "old", defaultEnvironmentName: "production" });
    const project = await providers.project.create({ ...PROJECT, importId: given.id });
    assert.deepEqual([project.id, given.name, world.projects.length], [given.id, "automatos", 1]);

    const place = { projectId: given.id, environmentId: given.environment.id };
    const old = world.createService({ projectId: given.id, name: "old" });
    const service = await providers.service.create(serviceIn(place, { importId: old.id }));
    assert.deepEqual([service.id, old.name, world.services.length], [old.id, "worker", 1]);
    assert.deepEqual(old.instance["source"], { image: "registry.example/worker@sha256:0001" });

    const inService = { ...place, workspaceId: PROJECT.workspaceId, serviceId: old.id };
    const disk = world.createVolume({ ...inService, mountPath: "/old" });
    const volume = await providers.volume.create(volumeIn(inService, { importId: disk.id }));
    assert.deepEqual([volume.id, disk.mountPath, disk.sizeMB], [disk.id, "/workspaces", 100_000]);

    const name = world.createDomain({ serviceId: old.id, targetPort: 1 });
    const domain = await providers.domain.create(domainIn(inService, { importId: name.id }));
    assert.deepEqual([domain.id, domain.outs?.domain, name.targetPort], [name.id, name.domain, 8080]);
  });

  it("is refused by an id that is not there", async () => {
    const providers = providersOn(server);
    const place = await makePlace(providers);
    const importId = "nowhere";
    const NOT_FOUND = /RAILWAY_NOT_FOUND/;
    await assert.rejects(providers.project.create({ ...PROJECT, importId }), NOT_FOUND);
    await assert.rejects(providers.service.create(serviceIn(place, { importId })), NOT_FOUND);
    await assert.rejects(providers.volume.create(volumeIn(place, { importId })), NOT_FOUND);
    await assert.rejects(providers.domain.create(domainIn(place, { importId })), NOT_FOUND);
  });
});
