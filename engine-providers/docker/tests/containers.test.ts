/** Networks, volumes and containers: plugin process, unmodified SDK, `pulumi` command and a real daemon together. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { TestDaemon } from "../../../tests/support/docker/daemon.ts";
import { BASE_IMAGE, dockerIsMissing, startDaemon } from "../../../tests/support/docker/daemon.ts";
import { DockerProgram } from "./support/program.ts";

const missing = await dockerIsMissing();

/** A server that is healthy once its file is served, and a client that reads it by the server's alias. */
const site = (settings: { memory: number; env: string; text?: string }): string => `
  const network = new docker.Network("net", { labels: [{ label: "of", value: "test" }] });
  const volume = new docker.Volume("data", {});
  const server = new docker.Container("server", {
    image: "${BASE_IMAGE}",
    command: ["httpd", "-f", "-p", "8080", "-h", "/www"],
    envs: ["PLAIN=${settings.env}", pulumi.secret("PASSWORD=hush-hush")],
    networksAdvanced: [{ name: network.name, aliases: ["site"] }],
    ports: [{ internal: 8080 }, { internal: 9090, external: 19090, ip: "127.0.0.1" }],
    volumes: [{ volumeName: volume.name, containerPath: "/data" }, { containerPath: "/scratch", hostPath: "/tmp", readOnly: true }],
    mounts: [{ type: "tmpfs", target: "/fast", tmpfsOptions: { sizeBytes: 1048576 } }],
    uploads: [{ file: "/www/index.html", content: "${settings.text ?? "hello"}", permissions: "0644" }],
    healthcheck: { tests: ["CMD", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"], interval: "200ms", retries: 50 },
    wait: true,
    memory: ${settings.memory},
    cpuShares: 512,
    restart: "on-failure",
    maxRetryCount: 3,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges"],
    labels: [{ label: "role", value: "server" }],
    ulimits: [{ name: "nofile", soft: 100, hard: 200 }],
    hosts: [{ host: "elsewhere", ip: "127.0.0.9" }],
    tmpfs: { "/run": "size=64k" },
    logDriver: "json-file",
    logOpts: { "max-size": "1m" },
    user: "root",
    workingDir: "/www",
  });
  exports.server = server.name;
  exports.ports = server.ports;
  exports.networks = server.networkDatas;
`;
const base = { memory: 64, env: "one" };

describe("@pulumi/docker's containers", { skip: missing }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await startDaemon();
  });
  after(() => daemon.stop());

  const program = (body: string, t: TestContext) => DockerProgram.create(daemon.host, body, t);

  it("are made as the program says, changed in place where the daemon can, and removed without a rest", async (t) => {
    const stack = await program(site(base), t);
    await stack.up();
    const server = await stack.resource("server");
    const info = await daemon.docker.getContainer(server.id).inspect();
    const { HostConfig: host, Config: config } = info;
    assert.match(info.Name, /^\/server-[0-9a-f]{7}$/);
    assert.equal(info.State.Health?.Status, "healthy");
    assert.deepEqual(config.Env.slice(0, 2).sort(), ["PASSWORD=hush-hush", "PLAIN=one"]);
    assert.deepEqual([host.Memory, host.CpuShares], [64 * 1024 * 1024, 512]);
    assert.deepEqual(host.RestartPolicy, { Name: "on-failure", MaximumRetryCount: 3 });
    assert.deepEqual(
      [host.CapDrop, host.SecurityOpt, host.ExtraHosts],
      [["ALL"], ["no-new-privileges"], ["elsewhere:127.0.0.9"]],
    );
    assert.deepEqual(host.Ulimits, [{ Name: "nofile", Soft: 100, Hard: 200 }]);
    assert.deepEqual(host.LogConfig, { Type: "json-file", Config: { "max-size": "1m" } });
    assert.deepEqual(info.Mounts.map(({ Type, Destination, RW }) => [Destination, Type, RW]).sort(), [
      ["/data", "volume", true],
      ["/fast", "tmpfs", true],
      ["/scratch", "bind", false],
    ]);
    const network = await stack.resource("net");
    assert.deepEqual(Object.keys(info.NetworkSettings.Networks), [network.outputs["name"]]);
    const outputs = await stack.outputs();
    const ports = outputs["ports"] as { internal: number; external: number }[];
    assert.ok((ports[0]?.external ?? 0) > 0, "the daemon chose a port");
    assert.equal(ports[1]?.external, 19_090);
    const [data] = outputs["networks"] as { ipAddress: string }[];
    assert.match(data?.ipAddress ?? "", /^172\./);

    const state = await readFile(stack.sandbox.stateFile("dev"), "utf8");
    assert.ok(!state.includes("hush-hush"), "a secret variable is nowhere in the clear");
    await stack.up(undefined, "--expect-no-changes");

    await stack.up(site({ ...base, memory: 96 }));
    assert.equal((await stack.resource("server")).id, server.id);
    assert.equal((await daemon.docker.getContainer(server.id).inspect()).HostConfig.Memory, 96 * 1024 * 1024);

    assert.deepEqual(await stack.preview(site({ ...base, memory: 96, env: "two" })), { same: 3, replace: 1 });
    await stack.up();
    assert.notEqual((await stack.resource("server")).id, server.id);

    await stack.destroy();
    assert.deepEqual(await daemon.docker.listContainers({ all: true }), []);
    assert.deepEqual((await daemon.docker.listVolumes()).Volumes, []);
    assert.deepEqual((await daemon.docker.listNetworks()).map(({ Name }) => Name).sort(), ["bridge", "host", "none"]);
  });

  it("are found again: removed, stopped or changed by hand", async (t) => {
    const body = site(base);
    const stack = await program(body, t);
    await stack.up();
    const { id } = await stack.resource("server");
    await daemon.docker.getContainer(id).update({ Memory: 32 * 1024 * 1024, MemorySwap: 64 * 1024 * 1024 });
    await daemon.docker.getContainer(id).stop({ t: 0 });
    await stack.refresh();
    assert.deepEqual(await stack.preview(), { same: 3, update: 1 });
    await stack.up();
    const mended = await daemon.docker.getContainer(id).inspect();
    assert.deepEqual([mended.State.Running, mended.HostConfig.Memory], [true, 64 * 1024 * 1024]);

    await daemon.docker.getContainer(id).remove({ force: true });
    await stack.refresh();
    assert.equal((await stack.preview())["create"], 1);
    await stack.up();
    const { id: next } = await stack.resource("server");
    assert.notEqual(next, id);

    // What is gone already is no failure of a destroy.
    await daemon.docker.getContainer(next).remove({ force: true });
    await stack.destroy();
  });

  it("run to their end with attach: exit code and logs are outputs; another is reached by its alias", async (t) => {
    const client = `
      const client = new docker.Container("client", {
        image: "${BASE_IMAGE}",
        command: ["sh", "-c", "wget -q -O - http://site:8080/; echo to-stderr >&2; exit 3"],
        networksAdvanced: [{ name: network.name }],
        attach: true, logs: true, mustRun: false,
      }, { dependsOn: server });
      exports.logs = client.containerLogs;
      exports.exitCode = client.exitCode;
      exports.again = client.id.apply((name) => docker.getLogs({ name, tail: "1" })).logsListStrings;
      exports.found = network.name.apply((name) => docker.getNetwork({ name })).driver;
    `;
    const stack = await program(site({ ...base, text: "over the network\\n" }) + client, t);
    await stack.up();
    const { logs, exitCode, again, found } = await stack.outputs();
    assert.deepEqual([...String(logs).trim().split("\n")].sort(), ["over the network", "to-stderr"]);
    assert.equal(exitCode, 3);
    assert.deepEqual((again as string[]).length, 1);
    assert.equal(found, "bridge");
    await stack.up(undefined, "--expect-no-changes");
    await stack.destroy();
  });

  it("are imported, with networks and volumes, as inputs that change nothing", async (t) => {
    const network = await daemon.docker.createNetwork({ Name: "made-by-hand", Labels: { by: "hand" } });
    await daemon.docker.createVolume({ Name: "kept" });
    const container = await daemon.docker.createContainer({
      name: "old-server",
      Image: BASE_IMAGE,
      Cmd: ["sleep", "1000"],
      Env: ["A=b"],
      ExposedPorts: { "80/tcp": {} },
      HostConfig: { Binds: ["kept:/data"], PortBindings: { "80/tcp": [{ HostPort: "18080" }] }, Memory: 2 ** 25 },
    });
    await container.start();
    const body = (option: (id: string) => string): string => `
      new docker.Network("net", { name: "made-by-hand", labels: [{ label: "by", value: "hand" }] }, ${option(network.id)});
      new docker.Volume("kept", { name: "kept" }, ${option("kept")});
      new docker.Container("server", {
        name: "old-server", image: "${BASE_IMAGE}", command: ["sleep", "1000"], envs: ["A=b"], memory: 32,
        ports: [{ internal: 80, external: 18080 }], volumes: [{ volumeName: "kept", containerPath: "/data" }],
      }, ${option(container.id)});`;
    const stack = await program(
      body((id) => `{ import: "${id}" }`),
      t,
    );
    await stack.up();
    assert.equal((await stack.resource("server")).id, container.id);
    await stack.up(
      body(() => "{}"),
      "--expect-no-changes",
    );
    await stack.destroy();
    assert.deepEqual(await daemon.docker.listContainers({ all: true }), []);
  });
});
