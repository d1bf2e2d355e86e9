import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { TaskEvent } from "../../../contracts/task-event.ts";
import { LogEntry, type Problem } from "../../../contracts/http-api.ts";
import type { TaskExecution } from "../../../services/runner/task-runner.ts";
import { completed, startApi, untilState, type TestApi } from "../../support/api.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

describe("event streams", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  /** Tasks that run until a test ends them. */
  const running = new Map<string, { execution: TaskExecution; end: () => void }>();

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres, {
      streams: { heartbeatMs: 50, stalledClientMs: 500, maxStreams: 20, maxStreamsPerWorkspace: 5 },
    });
    ({ workspaceId } = await api.createWorkspace({ plan: "enterprise" }));
    await api.work(async (execution) => {
      await new Promise<void>((resolve) => {
        running.set(execution.task.taskId, { execution, end: resolve });
        execution.signal.addEventListener("abort", () => resolve(), { once: true });
      });
      return completed();
    });
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  async function start(): Promise<{ taskId: string; execution: TaskExecution; end: () => void }> {
    const { taskId } = await api.submit(workspaceId);
    await untilState(api, taskId, "running");
    for (;;) {
      const entry = running.get(taskId);
      if (entry !== undefined) return { taskId, ...entry };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  const output = (execution: TaskExecution, text: string): void =>
    execution.emit({ type: "step_output", index: 0, stream: "stdout", text });

  async function open(path: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
    return fetch(`${await api.url()}${path}`, {
      headers: { authorization: `Bearer ${api.adminToken}`, accept: "text/event-stream", ...headers },
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async function* lines(response: Response): AsyncGenerator<string> {
    let rest = "";
    for await (const chunk of response.body ?? []) {
      const parts = (rest + Buffer.from(chunk as Uint8Array).toString()).split("\n");
      rest = parts.pop() ?? "";
      yield* parts;
    }
  }

  async function collect(response: Response, until: (event: TaskEvent) => boolean = () => false): Promise<TaskEvent[]> {
    const events: TaskEvent[] = [];
    for await (const line of lines(response)) {
      if (!line.startsWith("data: ")) continue;
      const event = TaskEvent.parse(JSON.parse(line.slice(6)));
      events.push(event);
      if (until(event)) break;
    }
    return events;
  }

  it("replays, follows live, resumes after Last-Event-ID, and ends after the terminal event", async () => {
    const { taskId, execution, end } = await start();
    output(execution, "one");
    const first = await collect(
      await open(`/api/tasks/${taskId}/events`),
      (event) => event.body.type === "step_output",
    );
    assert.deepEqual(
      first.map(({ sequence, body }) => [sequence, body.type]),
      [
        [1, "task_submitted"],
        [2, "task_queued"],
        [3, "task_admitted"],
        [4, "task_started"],
        [5, "step_output"],
      ],
    );
    const rest = open(`/api/tasks/${taskId}/events`, { "last-event-id": "5" }).then(collect);
    output(execution, "two");
    end();
    assert.deepEqual(
      (await rest).map(({ sequence, body }) => [sequence, body.type]),
      [
        [6, "step_output"],
        [7, "task_ended"],
      ],
    );
    const byQuery = await collect(await open(`/api/tasks/${taskId}/events?after=6`));
    assert.deepEqual(
      byQuery.map(({ sequence }) => sequence),
      [7],
    );
  });

  it("answers 204 to who has seen the end, so that browsers stop coming back", async () => {
    const { taskId, end } = await start();
    end();
    const events = await collect(await open(`/api/tasks/${taskId}/events`));
    const last = String(events.at(-1)?.sequence);
    for (const id of [last, "999999"]) {
      assert.equal((await open(`/api/tasks/${taskId}/events`, { "last-event-id": id })).status, 204);
      assert.equal((await open(`/api/tasks/${taskId}/logs`, { "last-event-id": id })).status, 204);
    }
  });

  it("serves log entries to who accepts events, and refuses a Last-Event-ID that is none", async () => {
    const { taskId, execution, end } = await start();
    output(execution, "hello\n");
    end();
    const entries: LogEntry[] = [];
    for await (const line of lines(await open(`/api/tasks/${taskId}/logs`))) {
      if (line.startsWith("data: ")) entries.push(LogEntry.parse(JSON.parse(line.slice(6))));
    }
    assert.deepEqual(
      entries.map(({ stream, text }) => [stream, text]),
      [
        ["system", "# attempt 1 on worker-0\n"],
        ["stdout", "hello\n"],
        ["system", "# completed\n"],
      ],
    );
    const refused = await open(`/api/tasks/${taskId}/events`, { "last-event-id": "x" });
    assert.equal(refused.status, 400);
    assert.equal(((await refused.json()) as Problem).issues?.[0]?.in, "headers");
  });

  it("sends comments while nothing happens", async () => {
    const { taskId, end } = await start();
    let heartbeats = 0;
    for await (const line of lines(await open(`/api/tasks/${taskId}/events?after=4`))) {
      if (line === ": heartbeat" && ++heartbeats === 3) break;
    }
    assert.equal(heartbeats, 3);
    end();
  });

  it("lets go of a client that left", async () => {
    const { taskId, end } = await start();
    const leave = new AbortController();
    const response = await open(`/api/tasks/${taskId}/events`, {}, leave.signal);
    assert.equal(response.status, 200);
    leave.abort();
    await untilStreams(0);
    end();
  });

  it("holds no more for a client that does not read than a buffer, and cuts it off", { timeout: 30_000 }, async () => {
    const { taskId, execution, end } = await start();
    const chunk = "x".repeat(60_000);
    for (let written = 4; written < 304; written += 100) {
      for (let index = 0; index < 100; index++) output(execution, chunk); // 6 MB, of 18
      const after = String(written);
      await collect(
        await open(`/api/tasks/${taskId}/events?after=${after}`),
        ({ sequence }) => sequence === written + 100,
      );
    }

    const socket = await openAndStall(`/api/tasks/${taskId}/events`);
    const closed = once(socket, "close");
    await untilLogged("stream_client_stalled");
    socket.resume();
    await closed;
    assert.ok(socket.bytesRead < 17_000_000, `the server had sent ${socket.bytesRead} bytes, all of them`);
    await untilStreams(0);
    end();
  });

  it("leaves a plain log open while the task says nothing", async () => {
    const { taskId, execution, end } = await start();
    const response = await open(`/api/tasks/${taskId}/logs`, { accept: "text/plain" });
    // Longer than a client may stall: idle is not stalled.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    output(execution, "still here\n");
    end();
    assert.match(await response.text(), /still here\n# completed\n$/);
  });

  it("refuses more streams than its limit", async () => {
    const { taskId, end } = await start();
    const leave = new AbortController();
    const responses = await Promise.all(
      Array.from({ length: 21 }, () => open(`/api/tasks/${taskId}/events`, {}, leave.signal)),
    );
    const refused = responses.filter(({ status }) => status === 503);
    assert.equal(refused.length, 1);
    assert.equal(((await refused[0]?.json()) as Problem).code, "TOO_MANY_STREAMS");
    leave.abort();
    await untilStreams(0);
    end();
  });

  it("serves a workspace its share of streams, and leaves room to others", async () => {
    const { taskId, end } = await start();
    const leave = new AbortController();
    const authorization = `Bearer ${await api.createToken(workspaceId)}`;
    const responses = await Promise.all(
      Array.from({ length: 6 }, () => open(`/api/tasks/${taskId}/events`, { authorization }, leave.signal)),
    );
    const refused = responses.filter(({ status }) => status === 429);
    assert.equal(refused.length, 1);
    assert.equal(((await refused[0]?.json()) as Problem).code, "TOO_MANY_WORKSPACE_STREAMS");
    assert.equal((await open(`/api/tasks/${taskId}/events`, {}, leave.signal)).status, 200, "an administrator's");
    const other = await api.createWorkspace();
    const { taskId: theirs } = await api.submit(other.workspaceId);
    const token = await api.createToken(other.workspaceId);
    const stream = await open(`/api/tasks/${theirs}/events`, { authorization: `Bearer ${token}` }, leave.signal);
    assert.equal(stream.status, 200, "another workspace's");
    leave.abort();
    await untilStreams(0);
    end();
    await api.request("POST", `/api/tasks/${theirs}/cancel`);
  });

  it("ends streams and waits at once when the process stops, without a terminal event", async () => {
    const other = await startApi(postgres);
    const workspace = await other.createWorkspace();
    const { taskId } = await other.submit(workspace.workspaceId);
    const headers = { authorization: `Bearer ${other.adminToken}` };
    const base = `${await other.url()}/api/tasks/${taskId}`;
    const stream = await fetch(`${base}/events`, { headers });
    await stream.body?.getReader().read();
    const arrived = once(other.app.server, "request");
    const result = fetch(`${base}/result?wait=60`, { headers });
    await arrived;
    const begun = performance.now();
    await Promise.all([other.stop(), result.then((response) => assert.equal(response.status, 202))]);
    assert.ok(performance.now() - begun < 30_000, "well before the wait would have ended");
  });

  /** Asks for a stream by hand, and reads nothing of it. */
  async function openAndStall(path: string): Promise<Socket> {
    const { hostname, port } = new URL(await api.url());
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, "connect");
    socket.pause();
    socket.on("error", () => undefined);
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${api.adminToken}\r\n\r\n`);
    return socket;
  }

  async function untilLogged(event: string): Promise<void> {
    while (!api.log.some((line) => line["event"] === event)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async function untilStreams(count: number): Promise<void> {
    for (;;) {
      const { body } = await api.request("GET", "/metrics");
      if (body.includes(`automatos_event_streams ${count}\n`)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});
