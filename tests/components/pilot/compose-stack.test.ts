import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { ComposeStack } from "../../../components/pilot/compose-stack.ts";
import { ComposeConfig } from "../../../contracts/pilot-config.ts";
import { ApiEnv, GatewayEnv, MigrateEnv, WorkerEnv } from "../../../contracts/service-env.ts";

interface Recorded {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

const DIGEST = `@sha256:${"a".repeat(64)}`;
const ref = (name: string) => `registry.example.test/${name}${DIGEST}`;
const IMAGES = {
  services: { api: ref("api"), gateway: ref("gateway"), worker: ref("worker"), migrate: ref("migrate") },
  postgres: `postgres:18${DIGEST}`,
  redis: `redis:8${DIGEST}`,
};

/** Records what is built, in place of an engine. */
async function record(more: Readonly<Record<string, unknown>> = {}, migrateExit = 0): Promise<Recorded[]> {
  const resources: Recorded[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        const given = inputs as Record<string, unknown>;
        resources.push({ type, name, inputs: given });
        const value = given["encoding"] === "base64" ? `${"A".repeat(43)}=` : "0".repeat(48);
        const made = { value, name: `${name}-1234567`, imageId: `sha256:${name}` };
        return { id: name, state: { ...given, ...made, exitCode: migrateExit, containerLogs: "the end of the log" } };
      },
      call: ({ token }) => {
        throw new Error(`unexpected call of ${token}`);
      },
    },
    "automatos",
    "pilot",
  );
  const config = ComposeConfig.parse({ phase: "pilot", target: "compose", images: IMAGES, ...more });
  new ComposeStack("pilot", {
    config,
    llmKeys: JSON.stringify({ here: "sk-here" }),
    toolSecrets: "{}",
    backupSecrets: "null",
  });
  await pulumi.runtime.disconnect();
  return resources;
}

const short = (type: string) => type.replace(/^docker:index\/\w+:/, "docker.").replace("pulumi-nodejs:dynamic/", "");
const isSecret = (value: unknown) =>
  typeof value === "object" && value !== null && "value" in value && Object.keys(value).length > 1;
const open = (value: unknown): unknown => (isSecret(value) ? (value as { value: unknown }).value : value);
const container = (resources: readonly Recorded[], name: string): Record<string, unknown> => {
  const found = resources.find((one) => one.type.endsWith(":Container") && one.name === name);
  assert.ok(found !== undefined, `no container ${name}`);
  return found.inputs;
};
const environmentOf = (resources: readonly Recorded[], name: string): Record<string, string> => {
  const lines = open(container(resources, name)["envs"]) as string[];
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
};

describe("the pilot's stack on a Docker host", () => {
  it("is networks, volumes, secrets and a container for each part", async () => {
    const resources = await record({ workers: 2 });
    const named = (type: string) =>
      resources
        .filter((one) => short(one.type) === type)
        .map(({ name }) => name)
        .sort();
    assert.deepEqual(named("docker.Container"), [
      "pilot-api",
      "pilot-gateway",
      "pilot-migrate",
      "pilot-postgres",
      "pilot-redis",
      "pilot-worker-1",
      "pilot-worker-2",
    ]);
    assert.deepEqual(
      named("docker.Network"),
      ["control", "data", "exit", "front", "rules"].map((name) => `pilot-${name}`),
    );
    assert.deepEqual(named("docker.Volume"), ["pilot-postgres", "pilot-redis", "pilot-workspaces"]);
    assert.deepEqual(named("local:RandomSecret"), [
      "pilot-admin-token",
      "pilot-api-database-password",
      "pilot-credential-key-1",
      "pilot-database-password",
      "pilot-gateway-database-password",
      "pilot-postgres-password",
      "pilot-redis-password",
      "pilot-task-token-key",
      "pilot-worker-database-password",
    ]);
  });

  it("gives every service an environment that the service's own schema takes, and all of it is a secret", async () => {
    const resources = await record();
    const migrate = MigrateEnv.parse(environmentOf(resources, "pilot-migrate"));
    const api = ApiEnv.parse(environmentOf(resources, "pilot-api"));
    const gateway = GatewayEnv.parse(environmentOf(resources, "pilot-gateway"));
    const worker = WorkerEnv.parse(environmentOf(resources, "pilot-worker-1"));
    assert.deepEqual([api.QUEUE_BACKEND, worker.QUEUE_BACKEND], ["redis", "redis"]);
    assert.deepEqual(Object.keys(migrate.ROLE_PASSWORDS ?? {}).length, 3);
    assert.equal(api.WORKSPACES_DIR, undefined, "the files are the workers'");
    assert.deepEqual(api.GATEWAY_ADDRESS, { host: "gateway", port: gateway.LISTEN_PORT });
    assert.equal(new URL(worker.API_URL ?? "").port, String(api.PORT));
    assert.equal(worker.AUTOMATOS_SANDBOX, "bubblewrap");
    assert.equal(worker.WORKER_ID, "worker-1");
    assert.ok(api.CREDENTIAL_KEYS.every(({ kind }) => kind === undefined));
    assert.ok(gateway.CREDENTIAL_KEYS.every(({ kind }) => kind === "git_https"));
    assert.ok(worker.CREDENTIAL_KEYS.every(({ kind }) => kind !== undefined && kind !== "git_https"));
    for (const one of resources.filter(({ type }) => type.endsWith(":Container"))) {
      assert.ok(isSecret(one.inputs["envs"]), `${one.name}'s environment is no secret`);
    }
  });

  it("gives the database's superuser and its owner to the one program that ends", async () => {
    const resources = await record();
    const holders = resources.filter(({ inputs }) => /\/\/(automatos|postgres):/.test(JSON.stringify(inputs)));
    assert.deepEqual(
      holders.map(({ name }) => name),
      ["pilot-migrate"],
    );
    const migrate = container(resources, "pilot-migrate");
    assert.deepEqual([migrate["attach"], migrate["mustRun"], migrate["restart"]], [true, false, "no"]);
  });

  it("publishes the API alone, on the address that is configured", async () => {
    for (const address of ["127.0.0.1", "0.0.0.0"]) {
      const resources = await record({ publish: { address, api: 9000 } });
      const published = resources.flatMap(({ name, inputs }) =>
        ((inputs["ports"] ?? []) as unknown[]).map((port) => ({ name, port })),
      );
      assert.deepEqual(published, [{ name: "pilot-api", port: { internal: 8080, external: 9000, ip: address } }]);
    }
  });

  it("has Redis where the gateway is not, and a way out for the gateway alone", async () => {
    const resources = await record();
    const networks = (name: string) =>
      (container(resources, name)["networksAdvanced"] as { name: string }[])
        .map((network) => network.name.replace(/^pilot-(\w+)-.*$/, "$1"))
        .sort();
    assert.deepEqual(networks("pilot-redis"), ["data"]);
    assert.deepEqual(networks("pilot-gateway"), ["control", "exit", "rules"]);
    assert.deepEqual(networks("pilot-worker-1"), ["control", "data"]);
    const open = resources.filter(({ type, inputs }) => type.endsWith(":Network") && inputs["internal"] !== true);
    assert.deepEqual(open.map(({ name }) => name).sort(), ["pilot-exit", "pilot-front"]);
  });

  it("lets a worker reach the store of backups itself, where there is one", async () => {
    const backup = { endpoint: "https://s3.example.test", bucket: "backups" };
    const networks = container(await record({ backup }), "pilot-worker-1")["networksAdvanced"] as { name: string }[];
    assert.ok(networks.some(({ name }) => name.startsWith("pilot-exit")));
  });

  it("lets no container be privileged, be root, write to its root, swap, or grow its log", async () => {
    const resources = await record();
    for (const { name, inputs } of resources.filter(({ type }) => type.endsWith(":Container"))) {
      assert.ok(!("privileged" in inputs) && !("devices" in inputs) && !("networkMode" in inputs), name);
      assert.deepEqual(inputs["capabilities"], { drops: ["ALL"] }, name);
      assert.equal(inputs["readOnly"], true, name);
      assert.match(String(inputs["user"]), /^(1000:1000|postgres|redis)$/);
      assert.equal(inputs["memory"], inputs["memorySwap"], name);
      assert.ok((inputs["securityOpts"] as string[]).includes("no-new-privileges:true"), name);
      assert.deepEqual(inputs["logOpts"], { "max-size": "50m", "max-file": "5" }, name);
      const extra = (inputs["securityOpts"] as string[]).filter((option) => option !== "no-new-privileges:true");
      if (name.startsWith("pilot-worker")) {
        assert.deepEqual(extra.map((option) => option.slice(0, option.indexOf("="))).sort(), [
          "apparmor",
          "seccomp",
          "systempaths",
        ]);
      } else assert.deepEqual(extra, [], name);
    }
    const worker = container(resources, "pilot-worker-1");
    assert.deepEqual([worker["memory"], worker["cpus"]], [2_048, "2"]);
  });

  it("builds its images from this folder where none are named", async () => {
    const resources = await record({ images: { requireDigests: false, buildArgs: { NODE_VERSION: "24.0.0" } } });
    const built = resources.filter(({ type }) => type.endsWith(":Image"));
    assert.equal(built.length, 4);
    for (const { inputs } of built) {
      const { args } = inputs["build"] as { args: Record<string, string> };
      assert.deepEqual([args["BASE_IMAGE"], args["NODE_VERSION"]], ["ubuntu:24.04", "24.0.0"]);
    }
  });
});
