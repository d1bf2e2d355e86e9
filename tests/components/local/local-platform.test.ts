import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { LocalPlatform, type LocalPlatformArgs } from "../../../components/local/local-platform.ts";
import { RandomSecret } from "../../../components/secrets/random-secret.ts";
import { LlmConfig } from "../../../contracts/llm.ts";
import { ToolAdapters } from "../../../contracts/tool-adapters.ts";
import { ApiEnv, GatewayEnv, WorkerEnv } from "../../../contracts/service-env.ts";

interface Recorded {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

/** Records what is built, in place of an engine. */
async function record(build: () => void): Promise<Recorded[]> {
  const resources: Recorded[] = [];
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      resources.push({ type, name, inputs: inputs as Record<string, unknown> });
      const given = inputs as { readonly encoding?: string };
      const value = given.encoding === "base64" ? `${"A".repeat(43)}=` : "0".repeat(64);
      return { id: name, state: { ...given, value } };
    },
    call: ({ token }) => {
      throw new Error(`unexpected call of ${token}`);
    },
  });
  build();
  await pulumi.runtime.disconnect();
  return resources;
}

const args: LocalPlatformArgs = {
  ports: { api: 18080, worker: 18081, gateway: 18090, postgres: 15433 },
  workers: 2,
  workerConcurrency: 3,
  leaseSeconds: 12,
  egressRules: ["github.com"],
  packageIndexes: {
    pipIndexUrl: "https://pip.example.test/simple",
    npmRegistry: undefined,
    egressRules: ["pip.example.test:443"],
  },
  credentialKeys: ["2", "1"],
  workspaceQuota: "auto",
  sandbox: "bubblewrap",
  llm: LlmConfig.parse({
    providers: [{ name: "here", baseUrl: "http://127.0.0.1:11434/v1", models: ["small", "large"] }],
    models: {
      fast: { targets: [{ provider: "here", model: "small" }], contextWindow: 32_000, maxOutputTokens: 4_000 },
      good: { targets: [{ provider: "here", model: "large" }], contextWindow: 32_000, maxOutputTokens: 4_000 },
    },
    defaultModel: "good",
  }),
  llmKeys: JSON.stringify({ here: "sk-here" }),
  tools: ToolAdapters.parse({ semantic_search: { url: "http://127.0.0.1:9200/search" } }),
  toolSecrets: JSON.stringify({ semantic_search: "index-token" }),
  plans: { pro: { maxRunningTasks: 5 } },
  logLevel: "info",
};

/** A property as the engine gets it: secrets are wrapped. */
const open = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "value" in value ? value.value : value;
const environmentOf = (resources: Recorded[], name: string): Record<string, string> =>
  open(resources.find((resource) => resource.name === name)?.inputs["env"]) as Record<string, string>;

describe("the local platform", () => {
  it("is one component with a database, its secrets and a process per service", async () => {
    const resources = await record(() => new LocalPlatform("local", args));
    assert.deepEqual(
      resources.map(({ type, name }) => `${type.replace("pulumi-nodejs:dynamic/", "")} ${name}`).sort(),
      [
        "automatos:local:LocalPlatform local",
        "local:LocalMigrations local-migrations",
        "local:LocalPostgres local-postgres",
        "local:LocalProcess local-api",
        "local:LocalProcess local-gateway",
        "local:LocalProcess local-worker-1",
        "local:LocalProcess local-worker-2",
        "local:RandomSecret local-admin-token",
        "local:RandomSecret local-api-database-password",
        "local:RandomSecret local-credential-key-1",
        "local:RandomSecret local-credential-key-2",
        "local:RandomSecret local-database-password",
        "local:RandomSecret local-gateway-database-password",
        "local:RandomSecret local-task-token-key",
        "local:RandomSecret local-worker-database-password",
      ],
    );
  });

  it("gives every service an environment that the service's own schema takes", async () => {
    const resources = await record(() => new LocalPlatform("local", args));
    const api = ApiEnv.parse(environmentOf(resources, "local-api"));
    const gateway = GatewayEnv.parse(environmentOf(resources, "local-gateway"));
    const workers = ["local-worker-1", "local-worker-2"].map((name) => WorkerEnv.parse(environmentOf(resources, name)));
    assert.equal(api.HOST, "127.0.0.1");
    assert.equal(api.PLAN_LIMITS.pro.maxRunningTasks, 5);
    assert.equal(api.TASK_TOKEN_KEY, gateway.TASK_TOKEN_KEY);
    assert.equal(api.TOOL_ADAPTERS.semantic_search?.url, "http://127.0.0.1:9200/search");
    assert.equal(api.TOOL_SECRETS.semantic_search, "index-token");
    assert.ok(gateway.SOCKET_PATH !== undefined && api.GATEWAY_SOCKET?.endsWith(gateway.SOCKET_PATH));
    assert.ok(workers.every(({ API_URL }) => API_URL === `http://127.0.0.1:${api.PORT}`));
    assert.equal(gateway.DEFAULT_EGRESS_RULES, "github.com,pip.example.test:443");
    assert.match(gateway.DATABASE_URL, /\/\/automatos_gateway:/);
    assert.match(api.DATABASE_URL, /\/\/automatos_api:/);
    const kinds = (env: { CREDENTIAL_KEYS: readonly { keyId: string; kind: string | undefined }[] }) =>
      env.CREDENTIAL_KEYS.map(({ keyId, kind }) => `${keyId} ${kind ?? "all"}`);
    assert.deepEqual(kinds(api), ["2 all", "1 all"]);
    assert.deepEqual(kinds(gateway), ["2 git_https", "1 git_https"]);
    assert.deepEqual(
      workers.map((worker) => [worker.HEALTH_PORT, worker.WORKER_ID]),
      [
        [18081, "worker-1"],
        [18082, "worker-2"],
      ],
    );
    for (const worker of workers) {
      assert.match(worker.DATABASE_URL, /\/\/automatos_worker:/);
      assert.deepEqual(kinds(worker).slice(0, 3), ["2 env", "2 ssh_key", "2 file"]);
      assert.equal(worker.TASK_TOKEN_KEY, gateway.TASK_TOKEN_KEY);
      assert.equal(worker.WORKSPACES_DIR, api.WORKSPACES_DIR);
      assert.equal(worker.PIP_INDEX_URL, "https://pip.example.test/simple");
      assert.ok(!("NPM_REGISTRY" in worker));
    }
  });

  it("gives the database's owner to nothing that runs on", async () => {
    const resources = await record(() => new LocalPlatform("local", args));
    const holders = resources.filter(({ inputs }) => JSON.stringify(inputs).includes("//automatos:"));
    assert.deepEqual(
      holders.map(({ name }) => name),
      ["local-migrations"],
    );
  });

  it("keeps what the services are given a secret", async () => {
    const resources = await record(() => new LocalPlatform("local", args));
    const processes = resources.filter(({ type }) => type.endsWith("LocalProcess"));
    const shown = JSON.stringify(processes.map(({ inputs }) => ({ ...inputs, env: undefined })));
    assert.ok(!shown.includes("0".repeat(64)));
  });

  it("starts a service again when its source changes: each has a hash of its own", async () => {
    const resources = await record(() => new LocalPlatform("local", args));
    const hashes = resources
      .filter(({ type }) => type.endsWith("LocalProcess"))
      .map(({ inputs }) => inputs["sourceHash"] as string);
    assert.equal(new Set(hashes).size, 3, "two workers have the same");
    for (const hash of hashes) assert.match(hash, /^[0-9a-f]{64}$/);
  });

  it("refuses a port that is given twice, with the values", async () => {
    await record(() => {
      assert.throws(
        () => new LocalPlatform("local", { ...args, ports: { ...args.ports, gateway: 18082 } }),
        (error: Error) =>
          pulumi.ResourceError.isInstance(error) &&
          error.message.includes("local: port 18082 is given twice (2 workers take the ports from 18081 on)"),
      );
    });
  });
});

describe("a random secret", () => {
  it("is refused when it is so short that it can be guessed", async () => {
    await record(() => {
      assert.throws(() => new RandomSecret("key", { bytes: 8, encoding: "hex" }), /8 bytes can be guessed/);
    });
  });
});
