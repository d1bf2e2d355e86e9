/** The pilot as a person brings it up: `pulumi up` of phase pilot, a real Docker daemon, the services' real images. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, it } from "node:test";
import type { TaskResult, TaskStatus } from "../../../contracts/task.ts";
import { DATA_IMAGE, loadDataImage } from "../../support/docker/data-images.ts";
import { debianIsMissing } from "../../support/docker/debian-image.ts";
import { dockerIsMissing, startDaemon, type TestDaemon } from "../../support/docker/daemon.ts";
import { loadServiceImages } from "../../support/docker/service-images.ts";
import { PilotProject, PublishedApi } from "./pilot-project.ts";

const missing = (await dockerIsMissing()) || (await debianIsMissing());
const STACK = { label: ["automatos.stack=pilot"] };

describe("the pilot on a Docker host", { skip: missing }, () => {
  let daemon: TestDaemon;
  let project: PilotProject;
  let api: PublishedApi;
  const close: (() => Promise<void>)[] = [];
  let settings: Record<string, unknown>;
  let token: string;
  let workspaceId: string;
  let taskId: string;

  before(async () => {
    daemon = await startDaemon();
    close.push(() => daemon.stop());
    const services = await loadServiceImages(daemon, "small");
    await loadDataImage(daemon);
    settings = {
      images: { services, postgres: DATA_IMAGE, redis: DATA_IMAGE, requireDigests: false },
      workerConcurrency: 2,
      limits: { postgres: { cpus: 1, memoryMb: 256 }, redis: { cpus: 1, memoryMb: 128 } },
    };
    project = await PilotProject.create(daemon, settings);
    close.push(() => project.remove());
    await project.up();
    token = await project.output("adminToken");
    api = await PublishedApi.reach(daemon, "127.0.0.1:8080", token);
    close.push(() => api.close());
    workspaceId = await api.createWorkspace({ plan: "pro" });
  });
  after(async () => {
    for (const one of close.reverse()) await one();
  });

  const containers = async () => {
    const listed = await daemon.docker.listContainers({ all: true, filters: STACK });
    return Promise.all(listed.map(({ Id }) => daemon.docker.getContainer(Id).inspect()));
  };
  const named = async (service: string) => {
    const [found, ...more] = (await containers()).filter(
      ({ Config }) => Config.Labels["automatos.service"] === service,
    );
    assert.ok(found !== undefined && more.length === 0, `not one container of ${service}`);
    return found;
  };
  const run = async (steps: Parameters<PublishedApi["submit"]>[1], inside = workspaceId): Promise<TaskResult> =>
    api.result(await api.submit(inside, steps));
  /** Runs JavaScript in a task's sandbox; what it prints. */
  const evaluate = async (script: string, inside = workspaceId): Promise<string> => {
    const argv = ["node", "--input-type=module", "-e", script];
    const result = await run([{ tool: "execute_command", input: { argv, timeoutSeconds: 60 } }], inside);
    assert.equal(result.status, "completed", JSON.stringify(result, undefined, 1));
    return JSON.stringify(result.steps[0]?.output);
  };
  const until = async (condition: () => Promise<boolean>) => {
    while (!(await condition())) await delay(100);
  };

  it("has containers that may do no more than they must, and publishes the API alone", async () => {
    const facts = (await containers()).map(({ Config, HostConfig, NetworkSettings }) => ({
      service: Config.Labels["automatos.service"],
      user: Config.User,
      networks: Object.keys(NetworkSettings.Networks)
        .map((name) => name.replace(/^pilot-([a-z]+)-.*$/, "$1"))
        .sort()
        .join(" "),
      published: JSON.stringify(HostConfig.PortBindings),
      privileged: HostConfig.Privileged,
      readOnly: HostConfig.ReadonlyRootfs,
      capDrop: (HostConfig.CapDrop as string[] | null)?.join(),
      capAdd: (HostConfig.CapAdd as string[] | null) ?? [],
      newPrivileges: (HostConfig.SecurityOpt as string[] | null)?.includes("no-new-privileges:true") !== true,
      memoryMb: (HostConfig.Memory ?? 0) / 1_048_576,
      cpus: (HostConfig.NanoCpus ?? 0) / 1e9,
      logs: (HostConfig.LogConfig?.Config as Record<string, string> | undefined)?.["max-size"],
    }));
    const same = { privileged: false, readOnly: true, capDrop: "ALL", capAdd: [], newPrivileges: false, logs: "50m" };
    const one = (
      service: string,
      user: string,
      networks: string,
      cpus: number,
      memoryMb: number,
      published = "{}",
    ) => ({
      ...{ service, user, networks, cpus, memoryMb, published, ...same },
    });
    const apiPort = '{"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]}';
    assert.deepEqual(
      facts.sort((a, b) => ((a.service ?? "") < (b.service ?? "") ? -1 : 1)),
      [
        one("api", "1000:1000", "control data front", 1, 1_024, apiPort),
        one("gateway", "1000:1000", "control exit rules", 1, 512),
        one("migrate", "1000:1000", "data", 1, 512),
        one("postgres", "postgres", "data rules", 1, 256),
        one("redis", "redis", "data", 1, 128),
        one("worker", "1000:1000", "control data", 2, 2_048),
      ],
    );
    const networks = await daemon.docker.listNetworks({ filters: STACK });
    assert.deepEqual(
      networks.map(({ Name, Internal }) => `${Name.replace(/^pilot-([a-z]+)-.*$/, "$1")} ${Internal}`).sort(),
      ["control true", "data true", "exit false", "front false", "rules true"],
    );
  });

  it("keeps its secrets out of the state's text and of every log", async () => {
    const secrets = new Set([token]);
    for (const { Config } of await containers()) {
      for (const variable of Config.Env) {
        const [, value = ""] = /^(?:.*(?:PASSWORD|TOKEN|KEY|KEYS|AUTH))=(.+)$/.exec(variable) ?? [];
        if (value.length >= 32) secrets.add(value);
      }
    }
    assert.ok(secrets.size >= 6, `${secrets.size} secrets were found`);
    const logs = await Promise.all(
      (await containers()).map(({ Id }) => daemon.docker.getContainer(Id).logs({ stdout: true, stderr: true })),
    );
    const text = [project.stateText(), ...logs.map((log) => log.toString("utf8"))].join("\n");
    for (const secret of secrets) assert.ok(!text.includes(secret), "a secret is in the state's text or in a log");
  });

  it("runs tasks that come through the published API, on Redis, with files in the volume", async () => {
    taskId = await api.submit(workspaceId, [
      { tool: "write_file", input: { path: "artifacts/note.txt", content: "from the pilot" } },
      { tool: "execute_command", input: { argv: ["cat", "artifacts/note.txt"] } },
      { tool: "execute_command", input: { argv: ["node", "-p", "process.getuid()"] } },
    ]);
    const result = await api.result(taskId);
    assert.equal(result.status, "completed", JSON.stringify(result, undefined, 1));
    assert.match(JSON.stringify(result.steps[1]?.output), /from the pilot/);
    const redis = daemon.docker.getContainer((await named("redis")).Id);
    const asked = await redis.exec({ Cmd: ["redis-cli", "--scan", "--pattern", "automatos*"], AttachStdout: true });
    const stream = await asked.start({});
    let keys = "";
    for await (const chunk of stream) keys += String(chunk);
    assert.match(keys, /automatos/);
  });

  it("lets sandboxes reach nothing but the gateway", async () => {
    const all = await containers();
    const addresses = new Set(["169.254.169.254"]);
    for (const { NetworkSettings } of all) {
      for (const { IPAddress, Gateway } of Object.values(NetworkSettings.Networks)) {
        if (IPAddress !== "") addresses.add(IPAddress);
        if (Gateway !== "") addresses.add(Gateway); // the host
      }
    }
    const targets = [...addresses, "127.0.0.1", "postgres", "redis", "api", "gateway", "worker"];
    const ports = [22, 53, 80, 3128, 5432, 6379, 8080, 8081, 8082, 8083];
    const seen = await evaluate(`
      import net from "node:net";
      import os from "node:os";
      const proxy = new URL(process.env.HTTPS_PROXY);
      const own = proxy.hostname + ":" + proxy.port;
      for (const host of ${JSON.stringify(targets)}) for (const port of ${JSON.stringify(ports)}) {
        if (host + ":" + port === own) continue;
        await new Promise((resolve) => {
          const socket = net.connect(port, host);
          socket.setTimeout(2000, () => resolve(socket.destroy()));
          socket.on("connect", () => resolve(console.log("REACHED", host, port)));
          socket.on("error", resolve);
        });
      }
      console.log("asked", Object.keys(os.networkInterfaces()).join());
      process.exit(0);`);
    assert.ok(!seen.includes("REACHED"), seen);
    assert.match(seen, /asked lo/);
  });

  it("has a gateway that opens no way to its neighbours, even where a tenant's rule names them", async () => {
    const destinations = ["postgres:5432", "redis:6379", "169.254.169.254:80"];
    const greedy = await api.createWorkspace({ plan: "pro", egressRules: ["postgres:5432", "redis:6379"] });
    const ask = `
      import net from "node:net";
      const proxy = new URL(process.env.HTTPS_PROXY);
      const token = Buffer.from(decodeURIComponent(proxy.username) + ":" + decodeURIComponent(proxy.password)).toString("base64");
      for (const destination of ${JSON.stringify([...destinations, "api:8080"])}) {
        const status = await new Promise((resolve) => {
          const socket = net.connect(proxy.port, proxy.hostname, () => socket.write("CONNECT " + destination +
            " HTTP/1.1\\r\\nHost: " + destination + "\\r\\nProxy-Authorization: Basic " + token + "\\r\\n\\r\\n"));
          socket.once("data", (data) => resolve(data.toString().split(" ")[1]));
          socket.once("error", (error) => resolve(error.code));
        });
        console.log(destination + " -> " + status);
      }
      process.exit(0);`;
    const plain = await evaluate(ask);
    for (const destination of [...destinations, "api:8080"]) assert.ok(plain.includes(`${destination} -> 403`), plain);
    const asked = await evaluate(ask, greedy);
    for (const destination of destinations) assert.match(asked, new RegExp(`${destination} -> (403|5\\d\\d)`));
  });

  it("changes nothing when it is brought up again", async () => {
    const before = (await containers()).map(({ Id }) => Id).sort();
    const said = await project.up();
    assert.match(said, /unchanged/);
    assert.doesNotMatch(said, /created|updated|deleted|replaced/);
    assert.deepEqual((await containers()).map(({ Id }) => Id).sort(), before);
  });

  it("finds with a refresh what was removed by hand, and makes it again", async () => {
    const { Id } = await named("gateway");
    await daemon.docker.getContainer(Id).remove({ force: true });
    const said = await project.succeeds("refresh", "--stack", "pilot", "--yes", "--skip-preview");
    assert.match(said, /pilot-gateway/);
    const others = (await containers()).map((container) => container.Id).sort();
    await project.up();
    const gateway = await named("gateway");
    assert.equal(gateway.State.Health?.Status, "healthy");
    assert.deepEqual(
      (await containers())
        .map((container) => container.Id)
        .filter((id) => id !== gateway.Id)
        .sort(),
      others,
    );
    assert.match(await evaluate("console.log('works')"), /works/);
  });

  it("gets and loses a worker while tasks are under way, and loses no task", async () => {
    const scale = async (workers: number) => {
      project.configure({ ...settings, workers });
      await project.up();
    };
    const stateOf = async (id: string) => (await api.request<TaskStatus>("GET", `/api/tasks/${id}`)).status;
    await scale(2);
    const workers = (await containers()).filter(({ Config }) => Config.Labels["automatos.service"] === "worker");
    assert.deepEqual(workers.map(({ Config }) => Config.Hostname).sort(), ["worker-1", "worker-2"]);
    const tasks = await Promise.all(
      [1, 2, 3].map(() => api.submit(workspaceId, [{ tool: "execute_command", input: { argv: ["sleep", "8"] } }])),
    );
    await until(async () => (await Promise.all(tasks.map(stateOf))).every((status) => status === "running"));
    await scale(1);
    assert.equal((await named("worker")).Config.Hostname, "worker-1");
    for (const id of tasks) assert.equal((await api.result(id)).status, "completed");
  });

  it("says what is wrong and the way out: of a daemon that is away, an image that is missing, a taken port", async (t) => {
    const other = await PilotProject.create(daemon, {});
    t.after(() => other.remove());
    const preview = ["preview", "--stack", "pilot"];
    assert.match(await other.fails(...preview), /postgres:18 has no digest.*requireDigests: false/);
    other.configure({ ...settings, docker: { host: "unix:///nonexistent/docker.sock" } });
    const up = ["up", "--stack", "pilot", "--yes", "--skip-preview"];
    assert.match(await other.fails(...up), /nonexistent\/docker\.sock/);
    const images = settings["images"] as { services: Record<string, string> };
    other.configure({ ...settings, images: { ...images, postgres: "automatos-test/absent:1" }, protectData: false });
    assert.match(await other.fails(...up), /automatos-test\/absent:1/);
    other.configure({ ...settings, protectData: false });
    const taken = await other.fails(...up);
    assert.match(taken, /8080/);
    assert.match(taken, /allocated|in use/);
    await other.succeeds("destroy", "--stack", "pilot", "--yes", "--skip-preview");
  });

  it("keeps its data when it is destroyed, and finds them when it comes back", async () => {
    const destroy = ["destroy", "--stack", "pilot", "--yes", "--skip-preview"];
    await project.succeeds(...destroy, "--exclude-protected");
    assert.deepEqual(await containers(), []);
    const refused = await project.fails(...destroy);
    for (const kept of ["pilot-postgres", "pilot-workspaces", "pilot-credential-key-1", "pilot-database-password"]) {
      assert.match(refused, new RegExp(`::${kept}" cannot be deleted\\s+because it is protected`));
    }
    const { Volumes } = await daemon.docker.listVolumes({ filters: STACK });
    assert.equal(Volumes.length, 3);
    await project.up();
    const result = await api.result(taskId);
    assert.equal(result.status, "completed");
    const read = await run([{ tool: "read_file", input: { path: "artifacts/note.txt" } }]);
    assert.match(JSON.stringify(read.steps[0]?.output), /from the pilot/);
  });

  it("leaves nothing when its data may go", async () => {
    project.configure({ ...settings, protectData: false });
    await project.up();
    await project.succeeds("destroy", "--stack", "pilot", "--yes", "--skip-preview");
    assert.deepEqual(await containers(), []);
    assert.deepEqual(await daemon.docker.listNetworks({ filters: STACK }), []);
    assert.deepEqual((await daemon.docker.listVolumes({ filters: STACK })).Volumes, []);
    assert.deepEqual((await daemon.docker.listVolumes()).Volumes, [], "not even one without a name");
    assert.deepEqual(project.resources(), []);
  });
});
