import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { parseEnv, promisify } from "node:util";
import { parse } from "yaml";
import { renderComposeFile } from "../../../components/pilot/compose-file.ts";
import { COMPOSE_SECRETS, completeSecrets } from "../../../components/pilot/compose-secrets.ts";
import { CredentialKeysText } from "../../../contracts/credential-keys.ts";
import { ComposeConfig } from "../../../contracts/pilot-config.ts";
import { ApiEnv, GatewayEnv, MigrateEnv, WorkerEnv } from "../../../contracts/service-env.ts";
import { composeCommand, composeIsMissing } from "../../support/docker/compose.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const GOLDEN = path.join(ROOT, "docker-compose.yml");
const run = promisify(execFile);
const withoutCompose = await composeIsMissing();

interface ComposeFile {
  readonly services: Record<string, { readonly environment: Record<string, string>; readonly [key: string]: unknown }>;
  readonly networks: Record<string, { readonly internal: boolean }>;
}

function checkedInConfig(): ComposeConfig {
  const stack = parse(readFileSync(path.join(ROOT, "Pulumi.pilot.yaml"), "utf8")) as {
    config: { "automatos:settings": unknown };
  };
  return ComposeConfig.parse(stack.config["automatos:settings"]);
}
const render = (config = checkedInConfig()) => renderComposeFile(config, "npm run render compose");

describe("docker-compose.yml", () => {
  it("is what is rendered from Pulumi.pilot.yaml, and says so", () => {
    const golden = readFileSync(GOLDEN, "utf8");
    assert.equal(golden, render(), "run `npm run render compose`");
    assert.match(golden, /^# Rendered by `npm run render compose` from Pulumi\.pilot\.yaml/);
  });

  it("holds no secret and no default of one: every variable names the command that makes it", () => {
    const variables = [...render().matchAll(/\$\{([^}]*)\}/g)].map(([, inside = ""]) => inside);
    assert.ok(variables.length > 0);
    const known = new Set(Object.values(COMPOSE_SECRETS).map(({ variable }) => variable));
    for (const inside of variables) {
      assert.match(inside, /^[A-Z_]+:\?run npm run render env first: it writes \.env$/);
      assert.ok(known.has(inside.slice(0, inside.indexOf(":"))), inside);
    }
  });

  it("publishes the API alone on 127.0.0.1, has the worker behind a profile, and no privilege", () => {
    const { services, networks } = parse(render()) as ComposeFile;
    const published = Object.entries(services).filter(([, service]) => "ports" in service);
    assert.deepEqual(
      published.map(([name, service]) => [name, service["ports"]]),
      [["api", ["127.0.0.1:8080:8080"]]],
    );
    assert.deepEqual(services["worker"]?.["profiles"], ["workers"]);
    for (const [name, service] of Object.entries(services)) {
      assert.deepEqual([service["cap_drop"], service["read_only"]], [["ALL"], true], name);
      for (const key of ["privileged", "cap_add", "devices", "network_mode", "pid"]) assert.ok(!(key in service), name);
    }
    assert.deepEqual(
      Object.entries(networks)
        .filter(([, { internal }]) => !internal)
        .map(([name]) => name)
        .sort(),
      ["exit", "front"],
    );
  });

  it("gives services environments that their schemas take, once its variables have values", async () => {
    const secrets = parseEnv(await completeSecrets(""));
    const filled = render()
      .replaceAll(/\$\{([A-Z_]+):\?[^}]*\}/g, (_match, name: string) =>
        String(secrets[name]).replaceAll('"', String.raw`\"`),
      )
      .replaceAll("$$", "$");
    const { services } = parse(filled) as ComposeFile;
    const environment = (name: string) => services[name]?.environment;
    assert.equal(Object.keys(MigrateEnv.parse(environment("migrate")).ROLE_PASSWORDS ?? {}).length, 3);
    const api = ApiEnv.parse(environment("api"));
    const gateway = GatewayEnv.parse(environment("gateway"));
    const worker = WorkerEnv.parse(environment("worker"));
    assert.deepEqual(worker.GATEWAY_ADDRESS, { host: "gateway", port: gateway.LISTEN_PORT });
    assert.equal(api.REDIS_URL, worker.REDIS_URL);
    assert.ok(gateway.CREDENTIAL_KEYS.every(({ kind }) => kind === "git_https"));
  });

  it("takes dollars of the configuration as they are", () => {
    const config = ComposeConfig.parse({
      ...checkedInConfig(),
      llm: {
        providers: [{ name: "here", baseUrl: "http://127.0.0.1/$HOME", models: ["m"] }],
        models: { m: { targets: [{ provider: "here", model: "m" }], contextWindow: 32_000, maxOutputTokens: 4_000 } },
      },
    });
    assert.ok(render(config).includes("/$$HOME"));
  });

  it(
    "is taken by Docker Compose, and refused with the way out while there are no secrets",
    { skip: withoutCompose },
    async (t) => {
      const folder = await mkdtemp(path.join(tmpdir(), "automatos-compose-"));
      t.after(() => rm(folder, { recursive: true, force: true }));
      const [program, ...args] = await composeCommand();
      const config = (file: string) =>
        run(program, [...args, "--env-file", file, "--file", GOLDEN, "--profile", "workers", "config", "--quiet"]);
      const file = path.join(folder, ".env");
      await writeFile(file, "");
      await assert.rejects(config(file), /run npm run render env first/);
      await writeFile(file, await completeSecrets(""));
      const { stderr } = await config(file);
      assert.equal(stderr, "");
    },
  );
});

describe("the secrets for docker-compose.yml", () => {
  it("are made once: what is there stays, and what others wrote as well", async () => {
    const first = await completeSecrets("OTHER=mine\n");
    assert.equal(await completeSecrets(first), first);
    assert.match(first, /^OTHER='mine'$/m);
    const values = parseEnv(first);
    for (const { variable } of Object.values(COMPOSE_SECRETS)) assert.ok((values[variable] ?? "") !== "", variable);
  });

  it("derive the services' keys of credentials anew when those of the API change", async () => {
    const before = parseEnv(await completeSecrets(""));
    const key = `2:${Buffer.alloc(32, 7).toString("base64")}`;
    const keys = `${key},${String(before["AUTOMATOS_CREDENTIAL_KEYS"])}`;
    const after = parseEnv(await completeSecrets(`AUTOMATOS_CREDENTIAL_KEYS='${keys}'\n`));
    const ids = CredentialKeysText.parse(after["AUTOMATOS_GATEWAY_CREDENTIAL_KEYS"]).map(({ keyId, kind }) => [
      keyId,
      kind,
    ]);
    assert.deepEqual(ids, [
      ["2", "git_https"],
      ["1", "git_https"],
    ]);
  });

  it("are refused where they cannot be written, without being repeated", async () => {
    await assert.rejects(completeSecrets(`AUTOMATOS_LLM_KEYS="it's"\n`), (error: Error) => {
      assert.match(error.message, /AUTOMATOS_LLM_KEYS/);
      return !error.message.includes("it's");
    });
  });
});
