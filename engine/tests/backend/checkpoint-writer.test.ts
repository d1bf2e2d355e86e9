import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { FileBlobs } from "../../src/backend/blobs/file-blobs.ts";
import { readCheckpoint } from "../../src/backend/checkpoint-file.ts";
import { CheckpointWriter } from "../../src/backend/checkpoint-writer.ts";
import { deploymentToSnapshot, type Deployment } from "../../src/backend/deployment.ts";
import { Crypter } from "../../src/backend/passphrase.ts";
import type { SecretCodec } from "../../src/backend/property-json.ts";
import { encryptingCodec } from "../../src/backend/secret-codecs.ts";
import { stackKeys } from "../../src/backend/stack-reference.ts";
import { Secret, type ResourceState, type Snapshot } from "../../src/model.ts";

const keys = stackKeys({ project: "app", name: "dev" });
const crypter = await Crypter.create("p");

function resource(name: string, fields: Partial<ResourceState> = {}): ResourceState {
  return { urn: `urn:pulumi:dev::app::t:m:T::${name}`, custom: true, id: name, type: "t:m:T", ...fields };
}

function snapshot(...resources: ResourceState[]): Snapshot {
  return { resources, pendingOperations: [] };
}

describe("the checkpoint writer", () => {
  let folder: string;
  let blobs: FileBlobs;
  let stateFile: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "checkpoint-"));
    blobs = new FileBlobs(folder);
    stateFile = blobs.locate(keys.state);
  });
  afterEach(() => rm(folder, { recursive: true }));

  const writer = (base: Deployment = {}, codec: SecretCodec = encryptingCodec(crypter)): CheckpointWriter =>
    new CheckpointWriter({
      blobs,
      keys,
      qualifiedName: "organization/app/dev",
      base,
      codec,
      salt: crypter.salt,
      manifest: () => ({ time: "2026-01-01T00:00:00Z", magic: "m", version: "v3.0.0" }),
    });
  const onDisk = async (): Promise<Deployment> => (await readCheckpoint(blobs, keys)) ?? assert.fail("no state");

  it("writes what Pulumi reads: fields in its order, empty ones left out, secrets encrypted", async () => {
    const root = resource("a", { inputs: { b: new Secret("x"), a: 1 }, outputs: {}, dependencies: [], protect: false });
    await writer().write({ resources: [root], pendingOperations: [{ resource: resource("new"), type: "creating" }] });
    const text = await readFile(stateFile, "utf8");
    const { version, checkpoint } = JSON.parse(text) as { version: number; checkpoint: Record<string, unknown> };
    assert.equal(version, 3);
    assert.equal(checkpoint["stack"], "organization/app/dev");
    const latest = checkpoint["latest"] as Record<string, object[]>;
    assert.deepEqual(Object.keys(latest), [
      "manifest",
      "secrets_providers",
      "resources",
      "pending_operations",
      "metadata",
    ]);
    assert.deepEqual(latest["secrets_providers"], { type: "passphrase", state: { salt: crypter.salt } });
    assert.deepEqual(Object.keys(latest["resources"]?.[0] ?? {}), ["urn", "custom", "id", "type", "inputs"]);
    assert.equal(text.includes('"x"'), false);
    const { resources, pendingOperations } = deploymentToSnapshot(await onDisk(), encryptingCodec(crypter));
    assert.deepEqual(resources[0]?.inputs, { a: 1, b: new Secret("x") });
    assert.equal(pendingOperations[0]?.type, "creating");
  });

  it("serves with one write all that is asked for while another runs", async () => {
    const checkpoints = writer();
    const asked = Array.from({ length: 50 }, (_, count) =>
      checkpoints.write(snapshot(...Array.from({ length: count }, (__, index) => resource(`r${index}`)))),
    );
    await Promise.all(asked);
    assert.ok(checkpoints.writes <= 2, `${checkpoints.writes} writes`);
    assert.equal((await onDisk()).resources?.length, 49);
  });

  it("has each snapshot, or a later one, on disk when its promise resolves", async () => {
    const checkpoints = writer();
    const resources: ResourceState[] = [];
    await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        await Promise.all(Array.from({ length: index % 5 }, () => checkpoints.write(snapshot(...resources))));
        resources.push(resource(`r${index}`));
        await checkpoints.write(snapshot(...resources));
        const written = new Set((await onDisk()).resources?.map(({ urn }) => urn));
        assert.ok(written.has(resource(`r${index}`).urn));
      }),
    );
  });

  it("serialises a resource again only when one of its fields was set anew", async () => {
    let sealed = 0;
    const codec = encryptingCodec(crypter);
    const counting: SecretCodec = { ...codec, seal: (...args) => ((sealed += 1), codec.seal(...args)) };
    const checkpoints = writer({}, counting);
    const one = resource("a", { inputs: { s: new Secret("x") } });
    await checkpoints.write(snapshot(one));
    await checkpoints.write(snapshot(one, resource("b")));
    assert.equal(sealed, 1);
    one.protect = true;
    await checkpoints.write(snapshot(one));
    assert.equal(sealed, 2);
    assert.equal((await onDisk()).resources?.[0]?.["protect"], true);
  });

  it("carries over what a newer Pulumi wrote", async () => {
    const base: Deployment = {
      manifest: { time: "t", magic: "m", version: "v", plugins: [{ name: "p" }] },
      metadata: { integrity_error: { version: "1" } },
      snippets: [{ id: "s" }],
      resources: [{ urn: resource("a").urn, custom: true, type: "t:m:T", taint: true, viewOf: "v" }],
    };
    const codec = encryptingCodec(crypter);
    await writer(base, codec).finish(deploymentToSnapshot(base, codec));
    const { manifest, metadata, snippets, resources } = await onDisk();
    assert.deepEqual(manifest?.["plugins"], [{ name: "p" }]);
    assert.deepEqual([metadata, snippets], [base["metadata"], base["snippets"]]);
    assert.deepEqual(resources, base.resources);
  });

  it("keeps the checkpoint before as .bak, and leaves no other file", async () => {
    const checkpoints = writer();
    await checkpoints.write(snapshot(resource("a")));
    await checkpoints.finish(snapshot(resource("a"), resource("b")));
    const backup = JSON.parse(await readFile(`${stateFile}.bak`, "utf8")) as { checkpoint: { latest: Deployment } };
    assert.equal(backup.checkpoint.latest.resources?.length, 1);
    assert.deepEqual((await readdir(dirname(stateFile))).sort(), ["dev.json", "dev.json.bak"]);
  });

  it("tells who asked when the disk refuses, and goes on with the next", async () => {
    const checkpoints = writer();
    await checkpoints.write(snapshot());
    await rm(dirname(stateFile), { recursive: true });
    const { writeFile, mkdir } = await import("node:fs/promises");
    await writeFile(dirname(stateFile), "a file where a folder should be");
    await assert.rejects(checkpoints.write(snapshot(resource("a"))), { code: "STATE_WRITE" });
    await rm(dirname(stateFile));
    await mkdir(dirname(stateFile));
    await checkpoints.write(snapshot(resource("a")));
    assert.equal((await onDisk()).resources?.length, 1);
  });
});
