/** Images: built by a real daemon. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { TestDaemon } from "../../../tests/support/docker/daemon.ts";
import { BASE_IMAGE, dockerIsMissing, startDaemon } from "../../../tests/support/docker/daemon.ts";
import { imageProgram, inImage } from "./support/image-project.ts";

const missing = await dockerIsMissing();

describe("@pulumi/docker's images", { skip: missing }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
  });
  after(() => daemon.stop());

  const program = (body: string, t: TestContext) => imageProgram(daemon, body, t);

  for (const builderVersion of ["BuilderBuildKit", "BuilderV1"]) {
    it(`are built with ${builderVersion} from what is not ignored, and again when that changes`, async (t) => {
      const name = `local/${builderVersion.toLowerCase()}`;
      const image = (target: string): string => `
        const image = new docker.Image("app", {
          imageName: "${name}", skipPush: true,
          build: { context: "app", args: { GREETING: "hi there" }, builderVersion: "${builderVersion}"${target} },
        });
        exports.digest = image.repoDigest;`;
      const stack = await program(image(""), t);
      await stack.up();
      assert.equal(
        await inImage(
          daemon,
          name,
          "cat /greeting; cd /app; ls -1; ls -a /app/secrets 2>&1; cat link; test -x run.sh && echo runs",
        ),
        "hi there\nDockerfile\nkeep.log\nlink\nmain.txt\nrun.sh\nls: /app/secrets: No such file or directory\noneruns\n",
      );
      const { digest } = await stack.outputs();
      assert.equal(digest, (await daemon.docker.getImage(name).inspect()).Id);
      const app = path.join(stack.sandbox.work, "app");
      await writeFile(path.join(app, "debug.log"), "more noise");
      await stack.up(undefined, "--expect-no-changes");
      await writeFile(path.join(app, "main.txt"), "two");
      assert.deepEqual(await stack.preview(), { same: 1, update: 1 });
      await stack.up();
      assert.equal(await inImage(daemon, name, "cat /app/link"), "two");
      await stack.up(image(`, target: "tested"`));
      assert.equal(await inImage(daemon, name, "cat /tested"), "tested\n");
      assert.notEqual((await stack.outputs())["digest"], digest);
    });
  }

  it("that do not build say what the builder said", async (t) => {
    const body = `new docker.Image("app", { imageName: "local/bad", skipPush: true, build: { context: "app" } });`;
    const stack = await program(body, t);
    const app = path.join(stack.sandbox.work, "app");
    await writeFile(path.join(app, "Dockerfile"), `FROM ${BASE_IMAGE}\nRUN echo about-to-fail && false\n`);
    assert.match(await stack.fails(), /cannot build image local\/bad: .*echo about-to-fail && false/);
    const elsewhere = body.replace(`{ context: "app" }`, `{ context: "app", dockerfile: "Other" }`);
    await writeFile(path.join(app, "Other"), "FROM scratch\n");
    assert.match(
      await stack.fails(elsewhere, "preview"),
      /no Dockerfile at Other .*relative to the project: app\/Other\?/,
    );
  });

  it("names that cannot be pushed, and inputs that need buildx, are refused at preview", async (t) => {
    const stack = await program(`new docker.Image("app", { imageName: "team/app", build: { context: "app" } });`, t);
    assert.match(
      await stack.fails(undefined, "preview"),
      /does not say to which registry it is pushed: write docker\.io\/team\/app/,
    );
    const buildx = `new docker.RemoteImage("x", { name: "a", build: { context: "app", secrets: [{ id: "s" }] } });`;
    assert.match(await stack.fails(buildx, "preview"), /build\.secrets needs docker buildx/);
    const name = `new docker.RemoteImage("x", { name: "Upper/Case" });`;
    assert.match(await stack.fails(name, "preview"), /name is "Upper\/Case", which is no image name/);
  });

  it("an image in use is not removed, and the error says what to do", async (t) => {
    await daemon.docker.getImage(BASE_IMAGE).tag({ repo: "in/use", tag: "1" });
    const stack = await program(`new docker.RemoteImage("base", { name: "in/use:1" });`, t);
    await stack.up();
    const container = await daemon.docker.createContainer({ Image: "in/use:1" });
    await daemon.docker.getImage(BASE_IMAGE).remove();
    t.after(async () => {
      await daemon.docker.getImage("in/use:1").tag({ repo: "busybox", tag: "test" });
      await container.remove();
    });
    assert.match(
      await stack.fails(undefined, "destroy --yes --skip-preview"),
      /cannot remove image in\/use:1: .*is using.*set keepLocally/s,
    );
    await stack.up(`new docker.RemoteImage("base", { name: "in/use:1", keepLocally: true });`);
    await stack.destroy();
    await daemon.docker.getImage("in/use:1").inspect();
  });
});
