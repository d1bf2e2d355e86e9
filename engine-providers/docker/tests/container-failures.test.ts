/** Containers that fail, and what the user is told. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { TestContext } from "node:test";
import { Engine, InitializationFailedError } from "@automatos/provider-plugin";
import type { Created, PropertyMap } from "@automatos/provider-plugin";
import type { TestDaemon } from "../../../tests/support/docker/daemon.ts";
import { BASE_IMAGE, dockerIsMissing, startDaemon } from "../../../tests/support/docker/daemon.ts";
import { dockerProvider } from "../src/provider.ts";
import { DockerProgram } from "./support/program.ts";

const missing = await dockerIsMissing();

describe("containers", { skip: missing }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
  });
  after(() => daemon.stop());

  const program = (body: string, t: TestContext) => DockerProgram.create(daemon.host, body, t);

  it("that do not come to health stay, with the reason, until an update mends them", async (t) => {
    const sick = (test: string): string => `
      new docker.Container("sick", {
        name: "sick", image: "${BASE_IMAGE}", command: ["sleep", "1000"], wait: true, waitTimeout: 2,
        healthcheck: { tests: ["CMD-SHELL", "${test}"], interval: "100ms", retries: 1 },
      });`;
    const stack = await program(sick("echo not today; false"), t);
    assert.match(
      await stack.fails(),
      /container sick is unhealthy after 2 seconds; the last check ended with 1: not today/,
    );
    const { id } = await stack.resource("sick");
    assert.ok((await daemon.docker.getContainer(id).inspect()).State.Running);
    await stack.up(sick("true"));
    assert.notEqual((await stack.resource("sick")).id, id, "its health check is the container's for good");

    const ending = `new docker.Container("sick", { name: "sick", image: "${BASE_IMAGE}", command: ["sh", "-c", "echo bad config; exit 7"],
      wait: true, healthcheck: { tests: ["CMD", "true"], interval: "60s" } });`;
    assert.match(await stack.fails(ending), /container sick ended with exit code 7 before it was healthy: bad config/);
    await stack.destroy();
  });

  it("that cannot start leave nothing behind, and say why", async (t) => {
    const stack = await program(
      `new docker.Container("broken", { image: "${BASE_IMAGE}", command: ["no-such-command"] });`,
      t,
    );
    assert.match(await stack.fails(), /cannot start container broken-[0-9a-f]{7}: .*no-such-command/);
    assert.match(
      await stack.fails(`new docker.Container("broken", { image: "nowhere:1", start: false });`),
      /cannot create container broken-[0-9a-f]{7}: No such image: nowhere:1/,
    );
    assert.deepEqual(await daemon.docker.listContainers({ all: true }), []);
  });

  it("that are given up while they are waited for are not forgotten; one that is attached to, or has rm, leaves nothing", async () => {
    const provider = dockerProvider();
    await provider.configure({ config: { host: daemon.host }, engine: new Engine("127.0.0.1:1") });
    const create = async (name: string, more: PropertyMap, timeoutSeconds: number): Promise<Created> => {
      const identity = { urn: `urn::${name}`, type: "docker:index/container:Container", name };
      const given = { name, image: BASE_IMAGE, command: ["sleep", "1000"], ...more };
      const request = { ...identity, oldInputs: undefined, inputs: given, randomSeed: new Uint8Array() };
      const { inputs, failures } = await provider.check(request);
      assert.deepEqual(failures, []);
      const { signal } = new AbortController();
      return provider.create({ ...identity, inputs, preview: false, timeoutSeconds, signal });
    };
    const waits = { wait: true, waitTimeout: 1_000, healthcheck: { tests: ["CMD", "false"], interval: "60s" } };
    await assert.rejects(create("waited", waits, 1), InitializationFailedError);
    await assert.rejects(create("attached", { attach: true }, 1), /run container attached to its end/);
    const brief = { command: ["sh", "-c", "echo bye; exit 4"], attach: true, logs: true, rm: true, mustRun: false };
    const { outputs } = await create("brief", brief, 0);
    assert.deepEqual([outputs["containerLogs"], outputs["exitCode"]], ["bye\n", 4]);
    const left = await daemon.docker.listContainers({ all: true });
    assert.deepEqual(
      left.map(({ Names }) => Names),
      [["/waited"]],
    );
    await daemon.docker.getContainer("waited").remove({ force: true });
  });

  it("a volume of a taken name is not taken over in silence", async (t) => {
    await daemon.docker.createVolume({ Name: "taken" });
    t.after(async () => {
      await daemon.docker.getVolume("taken").remove();
    });
    const stack = await program(`new docker.Volume("v", { name: "taken" });`, t);
    assert.match(await stack.fails(), /cannot create volume taken: there is one of that name.*import: "taken"/s);
  });

  it("what this provider does not manage is refused by name", async (t) => {
    const stack = await program(`new docker.Service("web", { taskSpec: { containerSpec: { image: "x" } } });`, t);
    assert.match(
      await stack.fails(undefined, "preview"),
      /no resource type docker:index\/service:Service\. It manages a swarm/,
    );
  });
});

describe("a daemon that is away", () => {
  it("is named, and is needed by nothing before", async (t) => {
    const ssh = `new docker.Network("n", {}, { provider: new docker.Provider("p", { host: "ssh://somewhere" }) });`;
    const stack = await DockerProgram.create("unix:///nonexistent/docker.sock", `new docker.Network("n", {});`, t);
    assert.equal((await stack.preview())["create"], 2);
    assert.match(
      await stack.fails(),
      /no Docker daemon answers at unix:\/\/\/nonexistent\/docker\.sock \(.*ENOENT.*\)\. Start it, or/,
    );
    assert.match(await stack.fails(ssh), /docker:host is ssh:\/\/somewhere; this provider does not speak ssh/);
  });
});
