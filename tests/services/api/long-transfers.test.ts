import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { after, before, describe, it } from "node:test";
import { ToolPolicy } from "../../../contracts/tools.ts";
import { WorkerClient } from "../../../services/api/calls/worker-client.ts";
import { recordWorker } from "../../../services/runner/worker-registry.ts";
import { startApi, TASK_TOKEN_KEY, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";
import { startToolServer, type TestToolServer } from "../../support/tool-server.ts";

/** Every limit of a whole transfer is this here; what takes several times as long must go on as long as it moves. */
const LIMIT_MS = 400;
const CHUNK_MS = 50;
const CHUNKS = 30;

describe("files that take long", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let worker: TestToolServer;
  let folder: string;
  let files: string;
  let token: string;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres, { bodyTimes: { wholeMs: LIMIT_MS, idleMs: LIMIT_MS } });
    folder = await mkdtemp(path.join(tmpdir(), "automatos-long-"));
    const times = { fileIdleMs: LIMIT_MS, beatMs: 50 };
    worker = await startToolServer({ grantKey: TASK_TOKEN_KEY, workspaceDir: folder, times });
    await recordWorker(api.pool, {
      workerId: "worker-0",
      concurrency: 1,
      priorities: ["normal"],
      leaseSeconds: 3_600,
      activeTasks: 0,
      healthUrl: undefined,
      toolsUrl: worker.url,
    });
    const { workspaceId } = await api.createWorkspace();
    token = await api.createToken(workspaceId);
    files = `${await api.url()}/api/workspaces/${workspaceId}/files`;
  });
  after(async () => {
    await api.stop();
    await worker.close(0);
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const send = (method: string, url: string, headers: Record<string, string | number>): ClientRequest => {
    const sent = httpRequest(url, { method, headers: { authorization: `Bearer ${token}`, ...headers } });
    sent.on("error", () => undefined);
    return sent;
  };
  const answerOf = async (sent: ClientRequest): Promise<{ status: number | undefined; body: string }> => {
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    return { status: answer.statusCode, body: await text(answer) };
  };
  const upload = { "content-type": "application/octet-stream", "content-length": CHUNKS };

  it("takes an upload as long as bytes come", async () => {
    const sent = send("PUT", `${files}/slow.txt`, upload);
    const answered = answerOf(sent);
    for (let index = 0; index < CHUNKS; index += 1) {
      sent.write("x");
      await delay(CHUNK_MS);
    }
    sent.end();
    const { status, body } = await answered;
    assert.equal(status, 200, body);
    assert.equal((await readFile(path.join(folder, "slow.txt"), "utf8")).length, CHUNKS);
  });

  it("cuts off an upload of which nothing comes any more, and leaves nothing of it", async () => {
    const sent = send("PUT", `${files}/stalled.txt`, upload);
    sent.write("x");
    const [outcome] = (await Promise.race([once(sent, "response"), once(sent, "close")])) as [IncomingMessage?];
    assert.ok(outcome === undefined || (outcome.statusCode ?? 0) >= 400);
    sent.destroy();
    await assert.rejects(readFile(path.join(folder, "stalled.txt")), { code: "ENOENT" });
  });

  it("cuts off any other body that does not arrive in time, however it trickles", async () => {
    const sent = send("POST", `${await api.url()}/api/tasks`, {
      "content-type": "application/json",
      "content-length": 900,
    });
    const answered = answerOf(sent);
    const trickle = setInterval(() => sent.write(" "), CHUNK_MS);
    const { status, body } = await answered;
    clearInterval(trickle);
    assert.equal(status, 408, body);
  });

  it("sends a download as long as its reader takes bytes", async () => {
    const size = 48 * 1024 ** 2;
    await writeFile(path.join(folder, "large.bin"), Buffer.alloc(size));
    const sent = send("GET", `${files}/large.bin`, {}).end();
    const [answer] = (await once(sent, "response")) as [IncomingMessage];
    let read = 0;
    let paused = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      read += chunk.length;
      if (read / size > paused / CHUNKS) {
        paused += 1;
        await delay(CHUNK_MS);
      }
    }
    assert.equal(read, size);
  });

  it("waits for a worker that gives signs of life, and for no other", async () => {
    let prepared = Promise.withResolvers<undefined>();
    const begin = async (beatMs: number) => {
      const slow = await startToolServer({
        grantKey: TASK_TOKEN_KEY,
        workspaceDir: folder,
        prepare: () => prepared.promise,
        times: { beatMs },
      });
      const directory = { for: async () => [{ workerId: "slow", url: slow.url }], forget: () => undefined };
      const client = new WorkerClient({ directory, grantKey: TASK_TOKEN_KEY, silenceMs: 1_000 });
      const { signal } = new AbortController();
      const removed = client.request(grant(), { method: "DELETE", path: "/v1/file?path=tree", signal });
      const stop = async () => {
        await client.close();
        await slow.close(0);
      };
      return { removed, stop };
    };
    await mkdir(path.join(folder, "tree"));
    const alive = await begin(100);
    await delay(4_000); // several times the silence for which a worker is taken for lost
    prepared.resolve(undefined);
    assert.equal((await alive.removed).statusCode, 204);
    await alive.stop();
    prepared = Promise.withResolvers();
    const silent = await begin(60_000);
    await assert.rejects(silent.removed, { code: "WORKER_LOST" });
    prepared.resolve(undefined);
    await silent.stop();
  });
});

const grant = () => ({
  callId: randomUUID(),
  workspaceId: randomUUID(),
  uid: 60_001,
  plan: "pro" as const,
  createdAt: new Date().toISOString(),
  quotaBytes: 1_000_000,
  maxCalls: 1,
  toolPolicy: ToolPolicy.parse({}),
});
