import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { Container, ContainerCreateOptions } from "dockerode";
import { SERVICE_NAMES, type ServiceName } from "../../components/images/definitions.ts";
import { builderSession } from "../support/docker/builder-session.ts";
import { dockerIsMissing } from "../support/docker/daemon.ts";
import { debianIsMissing } from "../support/docker/debian-image.ts";
import { runContainer, workerHost } from "../support/docker/run-container.ts";
import { buildServiceImage } from "../support/docker/service-images.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const MB = 1_000_000;

describe("the services' images", { skip: (await dockerIsMissing()) || (await debianIsMissing()) }, () => {
  const images = {} as Record<ServiceName, string>;
  const containers: Container[] = [];
  let folder: string;
  let postgres: TestPostgres;

  // before the session's own, which ends the daemon: such hooks run in the order in which they are written
  after(async () => {
    await Promise.all(containers.map((container) => container.remove({ force: true, v: true })));
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const builder = builderSession();
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "images-"));
    // what git has, and nothing that lies about here, with the modes of a checkout: layers that were built serve again
    const archive = execFileSync("git", ["-c", "tar.umask=0022", "archive", "HEAD"], {
      cwd: ROOT,
      maxBuffer: 256 * 1024 ** 2,
    });
    execFileSync("tar", ["-x", "-C", folder], { input: archive });
    for (const service of SERVICE_NAMES) {
      images[service] = await buildServiceImage(builder(), { service, toolchain: "whole", projectDir: folder });
    }
    postgres = await startPostgres();
  });

  const start = async (options: ContainerCreateOptions): Promise<Container> => {
    const container = await builder().docker.createContainer(options);
    containers.push(container);
    await container.start();
    return container;
  };

  it("are built from a clean checkout, small where no tools are asked for", async (t) => {
    for (const service of SERVICE_NAMES) {
      const { Size } = await builder().docker.getImage(images[service]).inspect();
      t.diagnostic(`${service}: ${Math.round(Size / MB)} MB`);
      if (service !== "worker") assert.ok(Size < 350 * MB, `${service} has ${Size} bytes`);
    }
  });

  it("keep no address of an index or a proxy, in their history, settings or files", async () => {
    const { url } = await builder().wayOut();
    const traces = [new URL(url).host, "PIP_INDEX_URL=", "NPM_REGISTRY=", "HTTP_PROXY", "http_proxy"];
    for (const service of SERVICE_NAMES) {
      const image = builder().docker.getImage(images[service]);
      const told = JSON.stringify([await image.history(), await image.inspect()]);
      for (const trace of traces) assert.ok(!told.includes(trace), `${service} tells ${trace}`);
      const script =
        "cat /root/.npmrc /root/.config/pip/pip.conf /usr/local/etc/npmrc /etc/apt/apt.conf.d/*proxy* 2>/dev/null | wc -c";
      const { output } = await runContainer(builder(), {
        Image: images[service],
        User: "0",
        Entrypoint: ["sh", "-c", script],
        HostConfig: { NetworkMode: "none" },
      });
      assert.equal(output, "0\n");
    }
  });

  it("have Node and no compiler, Python or package manager of languages, but for the worker", async () => {
    for (const service of ["api", "gateway", "migrate"] as const) {
      const { output, exitCode } = await runContainer(builder(), {
        Image: images[service],
        Entrypoint: ["sh", "-c", "id -u; command -v node; command -v cc gcc python3 npm git curl"],
        HostConfig: { NetworkMode: "none" },
      });
      assert.equal(output, "1000\n/usr/local/bin/node\n");
      assert.notEqual(exitCode, 0);
    }
  });

  it("start, turn healthy by a real database, and end when they are told to", async () => {
    const { host: proxy } = new URL((await builder().wayOut()).url);
    const [proxyHost = "", proxyPort = ""] = proxy.split(":");
    // the database listens outside of the daemon's network, which they all have as their own
    const database = `TCP-LISTEN:${postgres.port},bind=127.0.0.1,fork,reuseaddr`;
    await start({
      Image: images.worker,
      Entrypoint: ["socat", database, `PROXY:${proxyHost}:127.0.0.1:${postgres.port},proxyport=${proxyPort}`],
      HostConfig: { NetworkMode: "host" },
    });
    const key = randomBytes(32).toString("base64");
    const shared = { TASK_TOKEN_KEY: key, CREDENTIAL_KEYS: `a:${key}`, LOG_LEVEL: "info" };
    const env = (variables: Record<string, string>) =>
      Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const host = { NetworkMode: "host", ReadonlyRootfs: true, CapDrop: ["ALL"], Tmpfs: { "/tmp": "mode=1777" } };

    const migrated = await runContainer(builder(), {
      Image: images.migrate,
      Env: env({ DATABASE_URL: postgres.url }),
      HostConfig: host,
    });
    assert.equal(migrated.exitCode, 0, migrated.output);
    const owned = { "/tmp": "mode=1777", "/workspaces": "uid=1000,gid=1000,mode=0711" };
    const services: [ServiceName, Record<string, string>, ContainerCreateOptions["HostConfig"]][] = [
      [
        "api",
        { DATABASE_URL: postgres.apiUrl, ADMIN_TOKEN: key, WORKSPACES_DIR: "/workspaces" },
        { ...host, Tmpfs: owned },
      ],
      ["gateway", { DATABASE_URL: postgres.gatewayUrl, LISTEN_HOST: "0.0.0.0", LISTEN_PORT: "3128" }, host],
      [
        "worker",
        { DATABASE_URL: postgres.workerUrl, GATEWAY_ADDRESS: "127.0.0.1:3128" },
        { ...workerHost(ROOT), NetworkMode: "host", Tmpfs: { ...workerHost(ROOT).Tmpfs, ...owned } },
      ],
    ];
    for (const [service, variables, HostConfig] of services) {
      const container = await start({
        Image: images[service],
        User: "1000:1000",
        Env: env({ ...shared, ...variables }),
        HostConfig,
      });
      await healthy(service, container);
      const log = (await container.logs({ stdout: true, stderr: true })).toString();
      assert.doesNotMatch(log, /"level":(50|60)|sandbox_unavailable/, log);
    }
    for (const container of containers.slice(1).reverse()) {
      await container.stop({ t: 60 });
      const { State } = await container.inspect();
      assert.equal(State.ExitCode, 0);
      assert.equal(State.OOMKilled, false);
    }
  });
});

async function healthy(service: string, container: Container): Promise<void> {
  for (;;) {
    const { State } = await container.inspect();
    if (State.Health?.Status === "healthy") return;
    if (!State.Running || State.Health?.Status === "unhealthy") {
      const log = (await container.logs({ stdout: true, stderr: true })).toString();
      assert.fail(
        `${service} is ${State.Health?.Status ?? "gone"} (exit code ${State.ExitCode}):\n${log.slice(-4_096)}`,
      );
    }
    await setTimeout(100);
  }
}
