import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RailwayConfig } from "../../../../contracts/railway-config.ts";
import { ApiEnv, GatewayEnv, MigrateEnv, WorkerEnv } from "../../../../contracts/service-env.ts";
import { makeRailwayStack, type RailwayStack } from "./railway-project.ts";
import { type Fault, type RailwayServer, startRailway, TOKEN } from "./server.ts";
import type { Service } from "./world.ts";

const image = (name: string, digit = "0") => `registry.example/${name}@sha256:${digit.repeat(64)}`;
const SETTINGS = RailwayConfig.parse({
  phase: "pilot",
  target: "railway",
  workspaceId: "workspace-1",
  images: Object.fromEntries(
    ["api", "gateway", "worker", "migrate", "postgres", "redis"].map((name) => [name, image(name)]),
  ),
});
/** The warning of a stack whose `sandbox` is none. */
const BARE = /commands of all tenants run bare beside each other/;
const NAMES = ["api", "gateway", "migrate", "postgres", "redis", "worker"];

describe("the pilot on Railway, deployed by the real engine", () => {
  let server: RailwayServer;
  let stack: RailwayStack;

  before(async () => {
    server = await startRailway();
    server.world.lag = 1;
    stack = await makeRailwayStack(server.url);
    await stack.configure(SETTINGS);
  });
  after(async () => {
    await stack.remove();
    await server.close();
  });

  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, output } = await stack.pulumi(...args);
    assert.equal(code, 0, output);
    return output;
  };
  const UP = ["up", "--yes", "--skip-preview"] as const;
  const REFRESH = ["refresh", "--yes", "--skip-preview"] as const;
  const service = (name: string): Service => {
    const found = server.world.services.filter((each) => each.name === name && each.deletedAt === null);
    const [only] = found;
    assert.ok(only !== undefined && found.length === 1, name);
    return only;
  };
  const deployments = (name: string) =>
    server.world.deployments.filter(({ serviceId }) => serviceId === service(name).id);
  const renderedOf = (name: string) => deployments(name).at(-1)?.rendered ?? {};
  const outputsOf = async (type: string, name: string) =>
    (await stack.state()).resources.find(({ urn }) => urn.endsWith(`railway:${type}::pilot-${name}`))?.outputs ?? {};

  it("previews without a call that changes anything", async () => {
    const output = await run("preview");
    assert.match(output, /create/);
    assert.deepEqual(server.calls, []);
  });

  it("is an error with a way out where the token is refused", async () => {
    await run("config", "set", "--secret", "railwayToken", "another");
    const { code, output } = await stack.pulumi(...UP);
    assert.notEqual(code, 0);
    assert.match(output, /RAILWAY_UNAUTHORIZED.*config set --secret automatos:railwayToken/);
    await run("config", "set", "--secret", "railwayToken", TOKEN);
  });

  it("does not take over a service that somebody added to its project by hand, and goes on once that is renamed", async () => {
    const { world } = server;
    // the first call for the service meets one that a person was quicker to make
    const failed = stack.pulumi(...UP);
    while (world.projects[0] === undefined) await new Promise(setImmediate);
    const [project] = world.projects;
    const byHand = world.createService({ projectId: project.id, name: "redis" });
    byHand.variables = { MY: "data" };
    const { code, output } = await failed;
    assert.notEqual(code, 0);
    assert.match(output, /service redis .* variables that this stack did not make.*RAILWAY_NAME_TAKEN/);
    assert.deepEqual(byHand.variables, { MY: "data" });
    assert.match(project.description, /stack automatos\/dev \([0-9a-f]{32}\)$/, "two stacks may have the same name");
    byHand.name = "my-redis";
  });

  it("comes up in order in spite of lost answers, failures and limits, with one of each", async () => {
    const some: Fault[] = [{ kind: "fails" }, { kind: "loses-answer" }, { kind: "hangs-up" }, { kind: "loses-answer" }];
    for (const name of ["Project", "Service", "Volume", "Domain"]) server.meet(`Automatos${name}Create`, ...some);
    server.meet("AutomatosDeploy", { kind: "loses-answer" }, { kind: "turns-away", retryAfter: "1" });
    server.meet("AutomatosServices", { kind: "turns-away", cloudflare: true }, ...some);
    await run(...UP);

    const { world } = server;
    assert.equal(world.projects.length, 1);
    assert.deepEqual(world.services.map(({ name }) => name).sort(), [...NAMES, "my-redis"].sort());
    assert.deepEqual(
      world.domains.map(({ serviceId }) => serviceId),
      [service("api").id],
      "the API alone is public",
    );
    const sizes = world.volumes.map(({ serviceId, mountPath, sizeMB }) => [serviceId, mountPath, sizeMB]);
    assert.deepEqual(
      new Set(sizes.map((row) => row.join(" "))),
      new Set([
        `${service("worker").id} /workspaces 100000`,
        `${service("postgres").id} /var/lib/postgresql 50000`,
        `${service("redis").id} /data 50000`,
      ]),
    );
    for (const name of NAMES) assert.equal(deployments(name).length, 1, name);
    const order = world.events.map((event) => event.replace("deployment of ", ""));
    const before = (first: string, then: string) => assert.ok(order.indexOf(first) < order.indexOf(then), order.join());
    before("postgres", "migrate");
    for (const name of ["api", "gateway"]) before("migrate", name);
    for (const name of ["api", "gateway", "redis"]) before(name, "worker");
  });

  it("gives each service an environment that its own schema takes, over the private network alone", () => {
    const schemas = { migrate: MigrateEnv, api: ApiEnv, gateway: GatewayEnv, worker: WorkerEnv };
    for (const [name, schema] of Object.entries(schemas)) {
      const { error } = schema.safeParse(renderedOf(name));
      assert.equal(error, undefined, `${name}: ${String(error)}`);
    }
    const api = ApiEnv.parse(renderedOf("api"));
    assert.match(api.DATABASE_URL, /^postgresql:\/\/automatos_api:[0-9a-f]{48}@postgres\.railway\.internal:5432\//);
    assert.match(api.REDIS_URL ?? "", /^redis:\/\/:[0-9a-f]{48}@redis\.railway\.internal:6379\/0$/);
    assert.equal(api.WORKSPACES_DIR, undefined, "the volume is the worker's");
    const worker = WorkerEnv.parse(renderedOf("worker"));
    assert.equal(worker.TOOL_ADVERTISE_HOST, "worker.railway.internal");
    assert.equal(worker.API_URL, "http://api.railway.internal:8080");
    assert.deepEqual([worker.AUTOMATOS_SANDBOX, worker.SANDBOX_REQUIRED], ["bubblewrap", true]);
    assert.equal(renderedOf("worker")["RAILWAY_RUN_UID"], "0");
    const { POSTGRES_PASSWORD } = renderedOf("postgres");
    assert.ok(MigrateEnv.parse(renderedOf("migrate")).ADMIN_DATABASE_URL?.includes(POSTGRES_PASSWORD ?? "?"));
    for (const name of ["api", "gateway", "worker"]) {
      assert.ok(!JSON.stringify(renderedOf(name)).includes(POSTGRES_PASSWORD ?? ""), `${name} is no owner`);
    }
    assert.deepEqual(service("worker").limits, { cpu: 2, memoryBytes: 2_000_000_000 });
  });

  it("has no secret open in its state, and none after a refresh", async () => {
    const secrets = [
      ...["ADMIN_TOKEN", "TASK_TOKEN_KEY", "CREDENTIAL_KEYS"].map((name) => renderedOf("api")[name]),
      renderedOf("redis")["REDIS_PASSWORD"],
      renderedOf("postgres")["POSTGRES_PASSWORD"],
      TOKEN,
    ];
    const check = async () => {
      const { text } = await stack.state();
      for (const secret of secrets) assert.ok(secret !== undefined && secret !== "" && !text.includes(secret));
    };
    await check();
    await run(...REFRESH);
    await check();
  });

  it("changes nothing when nothing changed", async () => {
    const changes = server.calls.length;
    assert.doesNotMatch(await run(...UP, "--expect-no-changes"), BARE);
    assert.deepEqual(server.calls.slice(changes), []);
  });

  it("deploys anew what has another image, and nothing else; a service with a volume is down meanwhile", async () => {
    await stack.configure({ ...SETTINGS, images: { ...SETTINGS.images, worker: image("worker", "1") } });
    await run(...UP);
    assert.deepEqual(
      NAMES.map((name) => deployments(name).length),
      [1, 1, 1, 1, 1, 2],
    );
    assert.equal(deployments("worker").at(-1)?.image, image("worker", "1"));
    assert.ok(server.world.events.includes("downtime of worker"));
  });

  it("finds at a refresh what was changed by hand, and puts it back", async () => {
    const gateway = service("gateway");
    gateway.instance["source"] = { image: "evil" };
    service("api").variables["ADMIN_TOKEN"] = "set-by-hand";
    const running = deployments("worker").at(-1);
    assert.ok(running);
    running.status = "CRASHED";
    const [volume] = server.world.volumes.filter(({ mountPath }) => mountPath === "/workspaces");
    assert.ok(volume);
    volume.mountPath = "/elsewhere";
    server.world.domains.length = 0;

    const said = await run(...REFRESH);
    assert.ok(!said.includes("set-by-hand"), "variables are not shown");
    assert.equal((await outputsOf("RailwayDeployment", "worker"))["status"], "CRASHED");
    const before = NAMES.map((name) => deployments(name).length);
    await run(...UP);
    assert.deepEqual(gateway.instance["source"], { image: image("gateway") });
    assert.notEqual(service("api").variables["ADMIN_TOKEN"], "set-by-hand");
    assert.equal(volume.mountPath, "/workspaces");
    assert.equal(server.world.domains.length, 1);
    const again = NAMES.filter((name, index) => deployments(name).length > (before[index] ?? 0));
    assert.deepEqual(again, ["api", "gateway", "worker"]);
    await run(...UP, "--expect-no-changes");
  });

  it("makes anew a service that was deleted by hand, and gives it its volume with the data", async () => {
    const lost = service("worker");
    lost.deletedAt = "now";
    const [volume] = server.world.volumes.filter(({ serviceId }) => serviceId === lost.id);
    assert.ok(volume);
    volume.serviceId = null;
    await run(...REFRESH);
    await run(...UP);
    assert.notEqual(service("worker").id, lost.id);
    assert.equal(volume.serviceId, service("worker").id);
    assert.equal(server.world.volumes.length, 3);
    assert.equal(deployments("worker").at(-1)?.status, "SUCCESS");
  });

  it("tells the end of the log of a deployment that fails, warns of commands without a sandbox, and goes on from there", async () => {
    await stack.configure({ ...SETTINGS, workerConcurrency: 4, sandbox: "none" });
    server.world.failing.set("worker", { status: "CRASHED", log: "bubblewrap: no permission" });
    const { code, output } = await stack.pulumi(...UP);
    assert.notEqual(code, 0);
    assert.match(output, /of worker ended as CRASHED/);
    assert.match(output, /bubblewrap: no permission/);
    assert.match(output, BARE);
    assert.match(await run(...UP), BARE, "at each up");
    const { WORKER_CONCURRENCY, AUTOMATOS_SANDBOX } = renderedOf("worker");
    assert.deepEqual([WORKER_CONCURRENCY, AUTOMATOS_SANDBOX], ["4", "none"]);
    assert.equal(deployments("worker").at(-1)?.status, "SUCCESS");
  });

  it("does not destroy the volumes, until that is allowed; then nothing is left", async () => {
    const { code, output } = await stack.pulumi("destroy", "--yes", "--skip-preview");
    assert.notEqual(code, 0);
    assert.match(output, /protect/i);
    assert.equal(server.world.volumes.filter(({ isPendingDeletion }) => !isPendingDeletion).length, 3);

    await stack.configure({ ...SETTINGS, protectData: false });
    await run(...UP);
    await run("destroy", "--yes", "--skip-preview");
    const { world } = server;
    assert.ok(world.projects.every(({ deletedAt }) => deletedAt !== null));
    assert.ok(world.volumes.every(({ isPendingDeletion }) => isPendingDeletion));
    assert.ok(!world.events.some((event) => event.startsWith("data of")), "each volume by its own deletion");
    assert.deepEqual((await stack.state()).resources, []);
  });
});
