import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { TaskList } from "../../../contracts/http-api.ts";
import { STEPS } from "../../support/api.ts";
import { migrateDatabase } from "../../support/database.ts";
import { freePorts } from "../../support/ports.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const MAIN = path.resolve(import.meta.dirname, "../../../services/api/main.ts");

describe("the API as a process", () => {
  const adminToken = randomBytes(24).toString("hex");
  const workspaceId = randomUUID();
  let postgres: TestPostgres;
  let folder: string;
  let port: number;
  let child: ChildProcess | undefined;

  before(async () => {
    postgres = await startPostgres();
    await migrateDatabase(postgres.url);
    folder = await mkdtemp(path.join(tmpdir(), "automatos-killed-api-"));
    [port = 0] = await freePorts(1);
  });

  after(async () => {
    if (child?.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function spawnApi(overrides: Record<string, string> = {}): ChildProcess {
    const env = {
      PATH: process.env["PATH"],
      PORT: String(port),
      DATABASE_URL: postgres.apiUrl,
      CREDENTIAL_KEYS: `test:${randomBytes(32).toString("base64")}`,
      ADMIN_TOKEN: adminToken,
      TASK_TOKEN_KEY: randomBytes(32).toString("base64"),
      WORKSPACES_DIR: path.join(folder, "workspaces"),
      ...overrides,
    };
    return spawn(process.execPath, [MAIN], { env, stdio: ["ignore", "pipe", "pipe"] });
  }

  async function start(): Promise<void> {
    const started = spawnApi();
    child = started;
    let output = "";
    await new Promise<void>((resolve, reject) => {
      const collect = (chunk: Buffer): void => {
        output += chunk.toString();
        if (output.includes("api_listening")) resolve();
      };
      started.stdout?.on("data", collect);
      started.stderr?.on("data", collect);
      started.once("exit", (code) => reject(new Error(`the API ended with ${String(code)}: ${output}`)));
    });
  }

  function request(method: string, route: string, body?: unknown): Promise<Response> {
    const headers = {
      authorization: `Bearer ${adminToken}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const payload = body === undefined ? {} : { body: JSON.stringify(body) };
    return fetch(`http://127.0.0.1:${port}${route}`, { method, headers, ...payload });
  }

  it("loses no task that it acknowledged when it is killed in the middle of submissions", async () => {
    await start();
    const created = await request("POST", "/api/workspaces", { workspaceId, name: "busy", plan: "enterprise" });
    assert.equal(created.status, 201);
    const acknowledged: string[] = [];
    const submit = async (): Promise<void> => {
      const taskId = randomUUID();
      const response = await request("POST", "/api/tasks", {
        taskId,
        workspaceId,
        steps: STEPS,
        prompt: "x".repeat(1_000),
      });
      if (response.status === 202) acknowledged.push(taskId);
      if (acknowledged.length === 60) child?.kill("SIGKILL");
    };
    const submissions: Promise<void>[] = [];
    for (let index = 0; index < 200; index++) submissions.push(submit());
    const outcomes = await Promise.allSettled(submissions);
    assert.ok(
      outcomes.some(({ status }) => status === "rejected"),
      "the API was killed before it had answered all",
    );
    assert.ok(acknowledged.length >= 60);

    await start();
    const recorded = new Set<string>();
    for (let cursor = ""; ;) {
      const page = (await (await request("GET", `/api/tasks?limit=100${cursor}`)).json()) as TaskList;
      for (const { taskId, status } of page.items) {
        assert.equal(status, "queued");
        recorded.add(taskId);
      }
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    assert.deepEqual(
      acknowledged.filter((taskId) => !recorded.has(taskId)),
      [],
    );
  });

  it("ends with open streams within moments of SIGTERM, with status 0", async () => {
    const taskId = randomUUID();
    await request("POST", "/api/tasks", { taskId, workspaceId, steps: STEPS, prompt: "never run" });
    const stream = await request("GET", `/api/tasks/${taskId}/events`);
    const reader = stream.body?.getReader();
    await reader?.read();
    assert.ok(child);
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null]);
    while ((await reader?.read())?.done === false);
  });

  it("says why it cannot start with a backend that is not built, and takes no other", async () => {
    const refused = spawnApi({ TASK_RUNNER_BACKEND: "kubernetes" });
    let output = "";
    refused.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(refused, "close")) as [number];
    assert.equal(code, 1);
    assert.match(
      output,
      /"event":"start_failed".*RUNNER_BACKEND_UNAVAILABLE.*"remedy":"Set TASK_RUNNER_BACKEND=queued/,
    );
  });

  it("says everything that is wrong with its environment, and ends with status 2", async () => {
    const broken = spawnApi({ PORT: "99999", DATABASE_URL: "mysql://x", ADMIN_TOKEN: "short" });
    let errors = "";
    broken.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(broken, "close")) as [number];
    assert.equal(code, 2);
    for (const name of ["PORT", "DATABASE_URL", "ADMIN_TOKEN"]) assert.match(errors, new RegExp(name));
  });
});
