import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { VolumeInputs } from "../../../../components/pilot/railway/providers/volume-provider.ts";
import { makePlace, type Place, type Providers, providersOn, serviceIn, volumeIn } from "./lives.ts";
import { type RailwayServer, startRailway } from "./server.ts";
import { PLANS, UNHURRIED } from "./world.ts";

describe("a volume at Railway", () => {
  let server: RailwayServer;
  let providers: Providers;
  let place: Place;
  const begin = async (plan = UNHURRIED) => {
    server = await startRailway({ plan });
    providers = providersOn(server);
    place = await makePlace(providers);
  };
  beforeEach(() => begin());
  afterEach(() => server.close());

  const make = async (more: Partial<VolumeInputs> = {}) => {
    const { id, outs } = await providers.volume.create(volumeIn(place, more));
    assert.ok(outs);
    return { id, outs };
  };
  const check = async (olds: Partial<VolumeInputs>, news: VolumeInputs) =>
    ((await providers.volume.check(olds as VolumeInputs, news)).failures ?? []).map(({ reason }) => reason).join();

  it("gets its size by a patch of the environment, once it is there, and is awaited until it has it", async () => {
    server.world.lag = 2;
    const { id, outs } = await make();
    assert.equal(server.world.volume(id).sizeMB, 100_000);
    assert.equal(server.world.volume(id).updatingFor, 0);
    assert.equal(outs.sizeGb, 100);
    assert.deepEqual(
      server.calls.filter((name) => name === "AutomatosPatchCommit"),
      ["AutomatosPatchCommit"],
    );
  });

  it("grows in place", async () => {
    const { id, outs } = await make();
    const bigger = volumeIn(place, { sizeGb: 150 });
    assert.deepEqual(await providers.volume.diff(id, outs, bigger), { changes: true, replaces: [] });
    const updated = await providers.volume.update(id, outs, bigger);
    assert.equal(server.world.volume(id).sizeMB, 150_000);
    assert.notEqual(updated.outs?.revision, outs.revision);
  });

  it("does not become smaller, and one that grew by hand is left so", async () => {
    const { id, outs } = await make();
    assert.match(await check(volumeIn(place), volumeIn(place, { sizeGb: 50 })), /only grows, and this one has 100 GB/);
    server.world.volume(id).sizeMB = 200_000;
    const { props } = await providers.volume.read(id, outs);
    assert.equal(props?.sizeGb, 200);
    assert.equal((await providers.volume.diff(id, props, volumeIn(place))).changes, false);
  });

  it("says that the plan allows no more", async () => {
    await server.close();
    await begin({ ...PLANS.hobby, requestsPerSecond: Infinity });
    await assert.rejects(make(), /RAILWAY_LIMIT_REACHED.*larger plan/);
    // what was made is found by the next try, with a size that the plan allows
    const { id } = await make({ sizeGb: 5 });
    assert.deepEqual([server.world.volumes.length, server.world.volume(id).sizeMB], [1, 5_000]);
  });

  it("is one of a service, and a second one is refused with a way out", async () => {
    await make();
    await assert.rejects(make({ mountPath: "/data" }), /already, and Railway gives it one.*importId/);
  });

  it("is refused to a service with replicas", async () => {
    const { id } = await providers.service.create(serviceIn(place, { name: "api", replicas: 2 }));
    await assert.rejects(make({ serviceId: id }), /replicas/);
  });

  it("moves with its data to another service or path", async () => {
    const { id, outs } = await make();
    const other = await providers.service.create(serviceIn(place, { name: "other" }));
    const moved = volumeIn(place, { serviceId: other.id, mountPath: "/data" });
    assert.deepEqual(await providers.volume.diff(id, outs, moved), { changes: true, replaces: [] });
    await providers.volume.update(id, outs, moved);
    const held = server.world.volume(id);
    assert.deepEqual([held.serviceId, held.mountPath], [other.id, "/data"]);
  });

  it("is found detached, and attached again", async () => {
    const { id, outs } = await make();
    server.world.volume(id).serviceId = null;
    const { props } = await providers.volume.read(id, outs);
    assert.ok(props);
    assert.equal((await providers.volume.diff(id, props, volumeIn(place))).changes, true);
    await providers.volume.update(id, props, volumeIn(place));
    assert.equal(server.world.volume(id).serviceId, place.serviceId);
  });

  it("is not deleted, nor replaced by an empty one, unless that is allowed", async () => {
    const { id, outs } = await make();
    await assert.rejects(providers.volume.delete(id, outs), /RAILWAY_PROTECTED.*Back it up/);
    const elsewhere = volumeIn(place, { region: "us-west2" });
    assert.deepEqual((await providers.volume.diff(id, outs, elsewhere)).replaces, ["region"]);
    assert.match(await check(volumeIn(place), elsewhere), /empty volume in its place/);

    const allowed = volumeIn(place, { deletionAllowed: true });
    assert.equal(await check(allowed, { ...elsewhere, deletionAllowed: true }), "");
    const updated = await providers.volume.update(id, outs, allowed);
    assert.ok(updated.outs);
    assert.equal(updated.outs.revision, outs.revision, "nothing of what runs changed");
    await providers.volume.delete(id, updated.outs);
    await providers.volume.delete(id, updated.outs);
    assert.equal((await providers.volume.read(id, updated.outs)).id, "");
  });

  it("is checked in a preview that does not know where it will be", async () => {
    const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    const news = volumeIn({ workspaceId: UNKNOWN, projectId: UNKNOWN, environmentId: UNKNOWN, serviceId: UNKNOWN });
    assert.equal(await check({}, news), "");
    assert.equal(await check(volumeIn(place), news), "");
    assert.match(await check({}, { ...news, mountPath: "workspaces" }), /absolute path/);
  });
});
