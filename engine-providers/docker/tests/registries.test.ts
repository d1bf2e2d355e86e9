/** Images and registries: pushed, pulled, tagged and deleted. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { TestDaemon } from "../../../tests/support/docker/daemon.ts";
import { BASE_IMAGE, dockerIsMissing, startDaemon } from "../../../tests/support/docker/daemon.ts";
import { imageProgram, inImage } from "./support/image-project.ts";

const missing = await dockerIsMissing();

describe("images and registries", { skip: missing }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
  });
  after(() => daemon.stop());

  const program = (body: string, t: TestContext) => imageProgram(daemon, body, t);

  it("are pushed with credentials; the digest is the registry's, and refused without", async (t) => {
    const user = { name: "pusher", password: "pass-word-1" };
    const { address } = await daemon.registry({ user });
    const name = `${address}/team/app:v1`;
    const body = (password: string): string => `
      const image = new docker.Image("app", {
        imageName: "${name}", build: { context: "app", dockerfile: "outside.Dockerfile" },
        registry: { server: "${address}", username: "pusher", password: pulumi.secret("${password}") },
      });
      exports.digest = image.repoDigest;`;
    const stack = await program(body("wrong"), t);
    await writeFile(path.join(stack.sandbox.work, "outside.Dockerfile"), `FROM ${BASE_IMAGE}\nCOPY main.txt /\n`);
    const refused = await stack.fails();
    assert.match(refused, /cannot push .*set the registry's username and password/s);
    await stack.up(body(user.password));
    const pushed = String((await stack.outputs())["digest"]);
    assert.match(pushed, new RegExp(`^${address}/team/app@sha256:[0-9a-f]{64}$`));
    const state = await readFile(stack.sandbox.stateFile("dev"), "utf8");
    assert.ok(!(state + refused).includes(user.password));

    // Who pushes is no part of the image.
    assert.deepEqual(await stack.preview(body("rotated")), { same: 2 });

    await stack.destroy();
    await daemon.docker.getImage(name).remove({ force: true });
    const pull = `
      const provider = new docker.Provider("private", {
        registryAuth: [{ address: "http://${address}", username: "pusher", password: "${user.password}" }],
      });
      const image = new docker.RemoteImage("app", { name: "${pushed}" }, { provider });
      exports.id = image.imageId;
      exports.digest = docker.getRegistryImageOutput({ name: "${name}" }, { provider }).sha256Digest;`;
    await stack.up(pull);
    const outputs = await stack.outputs();
    assert.equal(outputs["id"], (await daemon.docker.getImage(pushed).inspect()).Id);
    assert.equal(outputs["digest"], pushed.split("@")[1]);
    await stack.destroy();
    await assert.rejects(daemon.docker.getImage(pushed).inspect(), /no such image/i);
  });

  it("are built at preview where the program says so, and nothing is pushed then", async (t) => {
    const { address } = await daemon.registry();
    const name = `${address}/at/preview:1`;
    const stack = await program(
      `new docker.Image("app", { imageName: "${name}", build: { context: "app" }, buildOnPreview: true });`,
      t,
    );
    assert.deepEqual(await stack.preview(), { create: 2 });
    assert.equal(await inImage(daemon, name, "cat /app/main.txt"), "one");
    const catalog = (await (await fetch(`http://${address}/v2/_catalog`)).json()) as { repositories: string[] };
    assert.deepEqual(catalog.repositories, []);
  });

  it("RemoteImage builds, Tag names, RegistryImage pushes and deletes in the registry", async (t) => {
    const { address } = await daemon.registry();
    const name = `${address}/team/tool:1`;
    const body = (trigger: string): string => `
      const built = new docker.RemoteImage("built", {
        name: "local/tool:1", build: { context: "app", buildArgs: { GREETING: "block" }, target: "tested" },
        triggers: { of: "${trigger}" }, forceRemove: true,
      });
      const tag = new docker.Tag("tag", { sourceImage: built.name, targetImage: "${name}", tagTriggers: [built.imageId] });
      const pushed = new docker.RegistryImage("pushed", { name: tag.targetImage, triggers: { of: tag.sourceImageId } });
      exports.digest = pushed.sha256Digest;
      exports.found = docker.getRemoteImageOutput({ name: built.name }).id;
      exports.manifests = pushed.sha256Digest.apply(() => docker.getRegistryImageManifests({ name: "${name}" })).manifests;`;
    const stack = await program(body("one"), t);
    await stack.up();
    const { digest, found } = await stack.outputs();
    const manifest = await fetch(`http://${address}/v2/team/tool/manifests/1`, {
      method: "HEAD",
      headers: { accept: "application/vnd.docker.distribution.manifest.v2+json" },
    });
    assert.equal(manifest.headers.get("docker-content-digest"), digest);
    assert.equal(found, (await stack.resource("built")).outputs["imageId"]);
    assert.equal(await inImage(daemon, "local/tool:1", "cat /greeting /tested"), "block\ntested\n");

    await stack.up(undefined, "--expect-no-changes");
    await fetch(`http://${address}/v2/team/tool/manifests/${String(digest)}`, { method: "DELETE" });
    await stack.refresh();
    assert.equal((await stack.preview())["create"], 1, "refresh finds an image gone from its registry");
    await stack.up();

    await writeFile(path.join(stack.sandbox.work, "app", "main.txt"), "changed");
    await stack.up(body("two"));
    assert.equal(await inImage(daemon, name, "cat /app/main.txt"), "changed");

    await stack.destroy();
    const gone = await fetch(`http://${address}/v2/team/tool/manifests/1`);
    assert.equal(gone.status, 404);
    await assert.rejects(daemon.docker.getImage("local/tool:1").inspect(), /no such image/i);
  });
});
