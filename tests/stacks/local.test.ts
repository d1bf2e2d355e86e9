import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFileSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { startTimeOf } from "../../components/local/process-table.ts";
import { freePorts } from "../support/ports.ts";
import { makeStackProject, type StackProject } from "./stack-project.ts";

const UP = ["up", "--stack", "dev", "--yes", "--skip-preview"] as const;

describe("the local phase, deployed by the project's own pulumi", () => {
  let project: StackProject;
  let configBefore: string;

  before(async () => {
    project = await makeStackProject();
    configBefore = config();
    assert.equal((await project.pulumi("stack", "init", "dev")).code, 0);
  });
  after(() => project.remove());

  const config = () => readFileSync(path.join(project.dir, "Pulumi.dev.yaml"), "utf8");
  const up = async () => {
    const { code, output } = await project.pulumi(...UP);
    assert.equal(code, 0, output);
    return output;
  };
  const alive = async () => (await project.starts()).filter(({ pid }) => startTimeOf(pid) !== undefined);
  const pidOf = async (service: string) => {
    const found = (await alive()).filter(({ program }) => program === `services/${service}/main.ts`);
    assert.equal(found.length, 1, JSON.stringify(found));
    return found[0]?.pid ?? 0;
  };
  const kill = async (pid: number) => {
    process.kill(pid, "SIGKILL");
    while (startTimeOf(pid) !== undefined) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const outputs = async () => {
    const { output } = await project.pulumi("stack", "output", "--stack", "dev", "--json", "--show-secrets");
    return JSON.parse(output) as Record<string, unknown>;
  };
  const statusOf = async (name: string) =>
    (await project.state()).resources.find(({ urn }) => urn.endsWith(`::local-${name}`))?.outputs["status"];

  it("says all mistakes in the configuration together, and starts nothing", async () => {
    await project.setSetting(["workers"], 0);
    await project.setSetting(["port"], { api: 1 });
    await project.setSetting(["logLevel"], "loud");
    const { code, output } = await project.pulumi("preview", "--stack", "dev");
    assert.notEqual(code, 0);
    assert.match(output, /Pulumi\.dev\.yaml, automatos:settings/);
    for (const word of ["workers", '"port"', "logLevel", "docs/reference/config.md"])
      assert.ok(output.includes(word), output);
    for (const key of ["port", "workers", "logLevel"]) await project.setSetting([key], undefined);
    assert.deepEqual(await project.starts(), []);
  });

  it("says of a phase that is not built that it is known, and what works", async () => {
    await project.setSetting(["phase"], "scale");
    const { code, output } = await project.pulumi("preview", "--stack", "dev");
    assert.notEqual(code, 0);
    assert.match(output, /phase scale is known and not built yet.*phase: local/);
    await project.setSetting(["phase"], "local");
  });

  it("comes up with its services and outputs, and writes no secret and no path of this machine into its state", async () => {
    configBefore = config();
    await up();
    assert.deepEqual((await alive()).map(({ program }) => program).sort(), [
      "services/api/main.ts",
      "services/gateway/main.ts",
      "services/worker/main.ts",
    ]);
    const { adminToken, apiUrl, apiDocsUrl, workspacesDir } = await outputs();
    assert.match(adminToken as string, /^[0-9a-f]{64}$/);
    assert.equal(apiUrl, `http://127.0.0.1:${project.ports.api}`);
    assert.equal(apiDocsUrl, `http://127.0.0.1:${project.ports.api}/docs`);
    assert.equal(workspacesDir, ".automatos/workspaces");

    const { text } = await project.state();
    const environment = readFileSync(`/proc/${await pidOf("worker")}/environ`, "utf8");
    const secrets = /DATABASE_URL=.*?:([0-9a-f]{48})@|TASK_TOKEN_KEY=([^\0]+)/g;
    const values = [...environment.matchAll(secrets)].map(([, password, key]) => password ?? key ?? "");
    assert.equal(values.length, 2);
    for (const secret of [adminToken as string, ...values])
      assert.ok(!text.includes(secret), "a secret lies open in the state");
    const withoutPositions = text.replaceAll(/"sourcePosition":"[^"]*"/g, ""); // the SDK's, for people
    assert.ok(!withoutPositions.includes(project.dir), "the state names this machine's folder");
  });

  it("keeps the secrets closed after a refresh, and its configuration file as it was", async () => {
    const { adminToken } = await outputs();
    assert.equal((await project.pulumi("refresh", "--stack", "dev", "--yes", "--skip-preview")).code, 0);
    const { text } = await project.state();
    assert.ok(!text.includes(adminToken as string));
    assert.equal((await outputs())["adminToken"], adminToken);
    assert.equal(config(), configBefore);
  });

  it("changes nothing when nothing changed", async () => {
    const before = await alive();
    assert.match(await up(), /unchanged/);
    assert.deepEqual(await alive(), before);
  });

  it("shows a killed process as drift at a refresh, and starts only that one again", async () => {
    const [api, worker] = [await pidOf("api"), await pidOf("worker")];
    await kill(worker);
    assert.equal((await project.pulumi("refresh", "--stack", "dev", "--yes", "--skip-preview")).code, 0);
    assert.equal(await statusOf("worker-1"), "stopped");
    await up();
    assert.equal(await statusOf("worker-1"), "running");
    assert.notEqual(await pidOf("worker"), worker);
    assert.equal(await pidOf("api"), api);
  });

  it("starts a killed process again without a refresh, too", async () => {
    const [api, gateway] = [await pidOf("api"), await pidOf("gateway")];
    await kill(api);
    await up();
    assert.notEqual(await pidOf("api"), api);
    assert.equal(await pidOf("gateway"), gateway);
  });

  it("starts a service again when its code was edited, and no other", async () => {
    const [api, gateway] = [await pidOf("api"), await pidOf("gateway")];
    appendFileSync(path.join(project.dir, "services", "gateway", "main.ts"), "\n// edited\n");
    await up();
    assert.equal(await pidOf("api"), api);
    assert.notEqual(await pidOf("gateway"), gateway);
  });

  it("adds a worker when told to, beside those that run", async () => {
    const [port = 0] = await freePorts(1);
    await project.setSetting(["ports", "worker"], port);
    await project.setSetting(["workers"], 2);
    await up();
    assert.equal((await alive()).filter(({ program }) => program === "services/worker/main.ts").length, 2);
    await project.setSetting(["workers"], 1);
    await project.setSetting(["ports", "worker"], project.ports.worker);
    await up();
    await pidOf("worker");
  });

  it("says who has a port before it stops or starts anything", async () => {
    const before = await alive();
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    await project.setSetting(["ports", "api"], port);
    const { code, output } = await project.pulumi("up", "--stack", "dev", "--yes");
    await new Promise((resolve) => server.close(resolve));
    await project.setSetting(["ports", "api"], project.ports.api);
    assert.notEqual(code, 0);
    assert.match(output, new RegExp(`port ${port} of api is taken by process ${process.pid} .*ports\\.api`));
    assert.deepEqual(await alive(), before);
  });

  it("is started again in the new place when its folder was moved, with its secrets and data", async () => {
    const before = await alive();
    const { adminToken } = await outputs();
    await project.move();
    const output = await up();
    assert.match(output, /the project's folder was moved/);
    assert.ok(before.every(({ pid }) => startTimeOf(pid) === undefined));
    const after = await alive();
    assert.equal(after.length, before.length);
    for (const { pid } of after) assert.equal(readlinkSync(`/proc/${pid}/cwd`), project.dir);
    assert.equal((await outputs())["adminToken"], adminToken);
  });

  it("leaves no process when it is destroyed, and no file outside its two folders", async () => {
    configBefore = config();
    const { code, output } = await project.pulumi("destroy", "--stack", "dev", "--yes", "--skip-preview");
    assert.equal(code, 0, output);
    assert.deepEqual(await alive(), []);
    assert.deepEqual(readdirSync(path.join(project.dir, ".automatos", "run")), []);
    assert.equal((await project.pulumi("stack", "rm", "dev", "--yes", "--preserve-config")).code, 0);
    assert.equal(config(), configBefore);
  });
});
