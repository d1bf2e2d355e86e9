/** The pilot without Pulumi: what is rendered for Docker Compose, brought up by it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { parseEnv, promisify } from "node:util";
import { renderComposeFile } from "../../../components/pilot/compose-file.ts";
import { completeSecrets } from "../../../components/pilot/compose-secrets.ts";
import { ComposeConfig } from "../../../contracts/pilot-config.ts";
import { composeCommand, composeIsMissing } from "../../support/docker/compose.ts";
import { DATA_IMAGE, loadDataImage } from "../../support/docker/data-images.ts";
import { debianIsMissing } from "../../support/docker/debian-image.ts";
import { dockerIsMissing, startDaemon, type TestDaemon } from "../../support/docker/daemon.ts";
import { loadServiceImages } from "../../support/docker/service-images.ts";
import { PublishedApi } from "./pilot-project.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const missing = (await dockerIsMissing()) || (await debianIsMissing()) || (await composeIsMissing());
const run = promisify(execFile);

describe("the pilot with Docker Compose", { skip: missing }, () => {
  let daemon: TestDaemon;
  let folder: string;
  let token: string;
  const close: (() => Promise<void>)[] = [];

  before(async () => {
    daemon = await startDaemon();
    close.push(() => daemon.stop());
    folder = await mkdtemp(path.join(tmpdir(), "automatos-compose-"));
    close.push(() => rm(folder, { recursive: true, force: true }));
    const services = await loadServiceImages(daemon, "small");
    await loadDataImage(daemon);
    const config = ComposeConfig.parse({
      phase: "pilot",
      target: "compose",
      images: { services, postgres: DATA_IMAGE, redis: DATA_IMAGE, requireDigests: false },
    });
    await writeFile(path.join(folder, "docker-compose.yml"), renderComposeFile(config, "a test"));
    const secrets = await completeSecrets("");
    await writeFile(path.join(folder, ".env"), secrets);
    token = parseEnv(secrets)["AUTOMATOS_ADMIN_TOKEN"] ?? "";
  });
  after(async () => {
    for (const one of close.reverse()) await one();
  });

  const compose = async (...args: readonly string[]): Promise<string> => {
    const [program, ...words] = await composeCommand();
    const files = ["--file", path.join(folder, "docker-compose.yml"), "--env-file", path.join(folder, ".env")];
    const all = [...words, "--project-directory", ROOT, ...files, "--profile", "workers", ...args];
    const { stdout } = await run(program, all, { env: { ...process.env, DOCKER_HOST: daemon.host } });
    return stdout;
  };

  it("comes up with its workers, runs a task, is unchanged by a second time, and leaves nothing", async () => {
    await compose("up", "--detach", "--wait");
    const api = await PublishedApi.reach(daemon, "127.0.0.1:8080", token);
    close.push(() => api.close());
    const workspaceId = await api.createWorkspace();
    const taskId = await api.submit(workspaceId, [{ tool: "execute_command", input: { argv: ["echo", "composed"] } }]);
    const result = await api.result(taskId);
    assert.equal(result.status, "completed", JSON.stringify(result, undefined, 1));
    assert.match(JSON.stringify(result.steps[0]?.output), /composed/);

    const ids = async () => (await daemon.docker.listContainers()).map(({ Id }) => Id).sort();
    const before = await ids();
    await compose("up", "--detach", "--wait");
    assert.deepEqual(await ids(), before);

    await compose("down", "--volumes");
    assert.deepEqual(await daemon.docker.listContainers({ all: true }), []);
    assert.deepEqual((await daemon.docker.listVolumes()).Volumes, []);
  });
});
