import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import type { AuditEntry, Problem } from "../../../../contracts/http-api.ts";
import { ToolCallEvent, type ToolCallAnswer } from "../../../../contracts/tool-call.ts";
import { startPlatform, type TestPlatform } from "../../../support/platform.ts";
import { processes, rssOf, until, untilStable } from "./watching.ts";

describe("tool calls over HTTP", () => {
  let platform: TestPlatform;
  let workspaceId: string;
  let token: string;

  before(async () => {
    platform = await startPlatform({ planLimits: { pro: { maxToolCalls: 64 }, starter: { maxToolCalls: 2 } } });
    ({ workspaceId, token } = await tenant());
  });
  after(() => platform.stop());

  async function tenant(input: Record<string, unknown> = {}): Promise<{ workspaceId: string; token: string }> {
    const id = await platform.createWorkspace(input);
    const created = await platform.request<{ token: string }>("POST", `/api/workspaces/${id}/tokens`, { name: "test" });
    return { workspaceId: id, token: created.token };
  }

  const ask = (
    method: string,
    route: string,
    options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal; as?: string; in?: string } = {},
  ): Promise<Response> =>
    fetch(`${platform.apiUrl}/api/workspaces/${options.in ?? workspaceId}/${route}`, {
      method,
      headers: {
        authorization: `Bearer ${options.as ?? token}`,
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  const exec = async (body: Record<string, unknown>): Promise<ToolCallAnswer> => {
    const response = await ask("POST", "exec", { body });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as ToolCallAnswer;
  };
  const problemOf = async (response: Response): Promise<Problem> => (await response.json()) as Problem;
  const outputOf = (answer: ToolCallAnswer) => answer.output as { stdout: string; stderr: string; timedOut: boolean };

  it("runs a command and answers its output and exit code", async () => {
    const answer = await exec({ command: "sudo true" }).catch(() => undefined);
    assert.equal(answer, undefined, "the same rules as for a task's commands");
    const failed = await exec({
      argv: ["python3", "-c", "import sys; print('hello'); sys.stderr.write('oops'); sys.exit(3)"],
    });
    assert.deepEqual([failed.ok, failed.exitCode, failed.error?.code], [false, 3, "COMMAND_FAILED"]);
    assert.deepEqual([outputOf(failed).stdout, outputOf(failed).stderr], ["hello\n", "oops"]);
    const fine = await exec({ argv: ["cat"], stdin: "typed" });
    assert.deepEqual([fine.ok, fine.exitCode, outputOf(fine).stdout], [true, 0, "typed"]);
  });

  it("calls the other tools, at the worker and at the API, and answers their errors as problems", async () => {
    const write = { input: { path: "artifacts/a.txt", content: "ä" } };
    assert.equal((await ask("POST", "tools/write_file", { body: write })).status, 200);
    const read = await ask("POST", "tools/read_file", { body: { input: { path: "artifacts/a.txt" } } });
    assert.equal(((await read.json()) as { output: { content: string } }).output.content, "ä");
    const missing = await ask("POST", "tools/read_file", { body: { input: { path: "none" } } });
    assert.deepEqual([missing.status, (await problemOf(missing)).code], [404, "FILE_NOT_FOUND"]);
    const invalid = await ask("POST", "tools/read_file", { body: { input: { file: "none" } } });
    assert.equal(invalid.status, 400);
    const tasks = await ask("POST", "tools/list_tasks", { body: { input: {} } });
    assert.equal(tasks.status, 200, await tasks.clone().text());
    const large = await ask("POST", "exec", { body: { command: "true", resources: { memoryMb: 262_144 } } });
    assert.deepEqual([large.status, (await problemOf(large)).code], [422, "RESOURCES_ABOVE_PLAN"]);
    assert.equal((await ask("POST", "tools/no_such_tool", { body: { input: {} } })).status, 400);
    const git = await ask("POST", "git", { body: { args: ["init", "shop"] } });
    assert.equal(((await git.json()) as ToolCallAnswer).exitCode, 0);
    const status = await ask("POST", "git", { body: { repository: "shop", args: ["status", "--porcelain"] } });
    assert.equal(((await status.json()) as ToolCallAnswer).exitCode, 0);
  });

  for (const accept of ["application/x-ndjson", "text/event-stream"]) {
    it(`streams the whole output as ${accept}, in whole characters`, async () => {
      const script =
        "import os,time\ndata = ('ä' * 99 + '\\n').encode() * 1000\nfor at in range(0, len(data), 77): os.write(1, data[at:at+77])\nos.write(2,b'done')";
      const response = await ask("POST", "exec", { body: { argv: ["python3", "-c", script] }, headers: { accept } });
      assert.match(response.headers.get("content-type") ?? "", new RegExp(accept.replace("/", ".")));
      const events = eventsOf(await response.text());
      const text = events.flatMap((event) => (event.type === "stdout" ? [event.text] : [])).join("");
      assert.ok(Buffer.byteLength(text) > 100 * 1024, "more than a document would keep");
      const last = events.at(-1);
      assert.ok(last?.type === "result" && last.result.ok);
      assert.ok(events.some((event) => event.type === "stderr" && event.text === "done"));
    });
  }

  it("shows output while the command runs", async () => {
    const response = await ask("POST", "exec", {
      body: { argv: ["python3", "-uc", "import time; print('first'); time.sleep(60)"] },
      headers: { accept: "application/x-ndjson" },
    });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    assert.match(Buffer.from(first?.value ?? []).toString(), /"first/);
    await reader?.cancel();
  });

  it("holds a command back whose reader takes nothing, and cuts nothing off", async () => {
    const response = await raw("POST", "exec", { argv: ["python3", "-c", WRITES_60_MB] });
    await new Promise((resolve) => response.once("readable", resolve)); // and read nothing more for a while
    const worker = platform.workers[0];
    assert.ok(worker);
    await untilStable(() => rssOf(worker.pid) + rssOf(platform.api.pid));
    assert.ok(processes(`python3 -c ${WRITES_60_MB}`).length >= 1, "it waits for its reader");
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) bytes += chunk.length;
    assert.ok(bytes > 60_000_000);
  });

  it("kills everything that a call has started when its caller goes away", async () => {
    const mark = `${7_000_000 + Math.floor(Math.random() * 1_000_000)}`;
    const gone = new AbortController();
    const script = `import os\nos.system("sleep ${mark} & setsid sleep ${mark} & wait")`;
    const body = { argv: ["python3", "-c", script] };
    const call = ask("POST", "exec", { body, signal: gone.signal }).catch(() => undefined);
    await until(() => processes(`sleep ${mark}`).length >= 2);
    gone.abort();
    await call;
    await until(() => processes(`sleep ${mark}`).length === 0);
  });

  it("stops a call at its timeout, and refuses longer ones", async () => {
    const late = await exec({ argv: ["sleep", "60"], timeoutSeconds: 1 });
    assert.deepEqual([late.ok, outputOf(late).timedOut, late.error?.code], [false, true, "COMMAND_TIMED_OUT"]);
    assert.equal((await ask("POST", "exec", { body: { argv: ["true"], timeoutSeconds: 301 } })).status, 400);
    assert.equal((await exec({ argv: ["true"], timeoutSeconds: 300 })).ok, true, "the longest that is allowed");
    const git = await ask("POST", "git", { body: { args: ["--version"], timeoutSeconds: 300 } });
    assert.equal(git.status, 200, await git.text());
    const call = { input: { argv: ["sleep", "60"] }, timeoutSeconds: 1 };
    const stopped = await ask("POST", "tools/execute_command", { body: call });
    assert.equal(((await stopped.json()) as ToolCallAnswer).error?.code, "CALL_TIMED_OUT");
  });

  it("obeys the workspace's policy at once, and says what to do where a person would be asked", async () => {
    const other = await tenant();
    const set = (tools: Record<string, string>) =>
      platform.request("PUT", `/api/workspaces/${other.workspaceId}/tools`, { tools });
    const call = (route: string, body?: unknown, method = "POST") =>
      ask(method, route, { ...(body === undefined ? {} : { body }), in: other.workspaceId, as: other.token });
    await set({ execute_command: "deny", read_file: "ask", write_file: "deny" });
    const denied = await call("exec", { argv: ["true"] });
    assert.deepEqual([denied.status, (await problemOf(denied)).code], [403, "TOOL_DENIED"]);
    const asks = await problemOf(await call("tools/read_file", { input: { path: "a" } }));
    assert.deepEqual([asks.code, asks.remedy.includes("step of a task")], ["TOOL_NEEDS_APPROVAL", true]);
    assert.equal((await call("files/a", undefined, "GET")).status, 403);
    assert.equal((await call("files/a", undefined, "DELETE")).status, 403);
    assert.equal((await call("terminal")).status, 403);
    await set({});
    assert.equal((await call("exec", { argv: ["true"] })).status, 200);
  });

  it("limits the calls of a workspace, and of no other", async () => {
    const small = await tenant({ plan: "starter" });
    const mark = `${8_000_000 + Math.floor(Math.random() * 1_000_000)}`;
    const gone = new AbortController();
    const call = (argv: string[], signal?: AbortSignal) =>
      ask("POST", "exec", { body: { argv }, in: small.workspaceId, as: small.token, ...(signal && { signal }) });
    const held = [0, 1].map(() => call(["sleep", mark], gone.signal).catch(() => undefined));
    await until(() => processes(`sleep ${mark}`).length >= 2);
    const refused = await call(["true"]);
    assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "1"]);
    assert.equal((await problemOf(refused)).code, "TOO_MANY_CALLS");
    assert.equal((await exec({ argv: ["true"] })).ok, true);
    gone.abort();
    await Promise.all(held);
    await until(async () => (await call(["true"])).status === 200);
  });

  it("runs fifty calls at once", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => exec({ argv: ["echo", String(at)] })));
    assert.deepEqual(
      answers.map((answer) => outputOf(answer).stdout),
      Array.from({ length: 50 }, (_, at) => `${at}\n`),
    );
  });

  it("writes and reads files of any size, whole or in part", async () => {
    const content = randomBytes(24 * 1024 ** 2);
    const put = await fetch(`${platform.apiUrl}/api/workspaces/${workspaceId}/files/artifacts/big%20one.bin`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
      body: content,
    });
    assert.equal(put.status, 200, await put.clone().text());
    assert.deepEqual(await put.json(), { path: "artifacts/big one.bin", bytesWritten: content.length });
    const whole = await ask("GET", "files/artifacts/big%20one.bin");
    assert.deepEqual(Buffer.from(await whole.arrayBuffer()), content);
    const part = await ask("GET", "files/artifacts/big%20one.bin", { headers: { range: "bytes=1000000-1000099" } });
    assert.equal(part.status, 206);
    assert.equal(part.headers.get("content-range"), `bytes 1000000-1000099/${content.length}`);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), content.subarray(1_000_000, 1_000_100));
    const beyond = await ask("GET", "files/artifacts/big%20one.bin", { headers: { range: "bytes=99999999-" } });
    assert.equal(beyond.status, 416);
    const list = await ask("GET", "files?path=artifacts");
    const { entries } = (await list.json()) as { entries: { path: string; sizeBytes: number }[] };
    assert.ok(entries.some((entry) => entry.path === "artifacts/big one.bin" && entry.sizeBytes === content.length));
    assert.equal((await ask("DELETE", "files/artifacts/big%20one.bin")).status, 204);
    assert.equal((await ask("GET", "files/artifacts/big%20one.bin")).status, 404);
  });

  it("leaves nothing of an upload whose sender goes away", async () => {
    const socket = connect(Number(new URL(platform.apiUrl).port), "127.0.0.1");
    socket.write(
      `PUT /api/workspaces/${workspaceId}/files/artifacts/half.bin HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n` +
        `content-type: application/octet-stream\r\ncontent-length: 1000000\r\n\r\n${"x".repeat(10_000)}`,
    );
    const partial = () => treeOf(workspaceId).filter((name) => name.endsWith(".tmp"));
    await until(() => partial().length === 1);
    socket.destroy();
    await until(() => partial().length === 0);
    assert.equal((await ask("GET", "files/artifacts/half.bin")).status, 404);
  });

  it("refuses paths that lead out, however they are written", async () => {
    await exec({ argv: ["python3", "-c", "import os; os.symlink('/etc', 'link')"] });
    for (const path of [
      "..%2f..%2fetc%2fpasswd",
      "%2e%2e/%2e%2e/etc/passwd",
      "a%2f..%2f..%2fb",
      "link%2fpasswd",
      "%2fetc%2fpasswd",
      "a%00b",
    ]) {
      const response = await ask("GET", `files/${path}`);
      assert.ok([400, 403, 404, 422].includes(response.status), `${path}: ${response.status}`);
      assert.ok(!(await response.text()).includes("root:"), path);
    }
    const option = await exec({ argv: ["cat", "--", "--version"] });
    assert.equal(option.ok, false);
  });

  it("gives another workspace's token nothing, and no sandbox another's files", async () => {
    const other = await tenant();
    for (const route of ["files/a", "files", "terminal"]) {
      assert.equal((await ask("GET", route, { as: other.token })).status, 404, route);
    }
    assert.equal((await ask("POST", "exec", { as: other.token, body: { argv: ["true"] } })).status, 404);
  });

  it("takes nobody at the worker's door without the API's grant", async () => {
    const database = new pg.Client({ connectionString: platform.postgres.url });
    await database.connect();
    const { rows } = await database.query<{ url: string }>("SELECT tools_url AS url FROM workers");
    await database.end();
    const url = rows[0]?.url ?? "";
    for (const authorization of [undefined, "Bearer x", `Bearer ${token}`, `Bearer ${platform.adminToken}`]) {
      const response = await fetch(`${url}/v1/calls`, {
        method: "POST",
        headers: authorization === undefined ? {} : { authorization },
        body: "{}",
      });
      assert.deepEqual([response.status, ((await response.json()) as Problem).code], [401, "GRANT_REFUSED"]);
    }
  });

  it("names a call alike in the answer, the audit log and the commands' environment", async () => {
    const answer = await exec({ argv: ["python3", "-c", "import os; print(os.environ['AUTOMATOS_CALL_ID'])"] });
    assert.equal(outputOf(answer).stdout.trim(), answer.callId);
    const { items } = await platform.request<{ items: { requestId: string; action: string }[] }>(
      "GET",
      `/api/admin/audit-log?workspaceId=${workspaceId}&limit=5`,
    );
    assert.ok(items.some((item) => item.requestId === answer.callId && item.action === "tool.exec"));
  });

  it("has in the audit log what each call did and how it ended, also where it was streamed or left", async () => {
    const other = await tenant();
    const as = { in: other.workspaceId, as: other.token };
    const rows = async (): Promise<AuditEntry[]> => {
      const route = `/api/admin/audit-log?workspaceId=${other.workspaceId}&limit=50`;
      return (await platform.request<{ items: AuditEntry[] }>("GET", route)).items;
    };
    const last = async () => {
      const [row] = await rows();
      return [row?.action, row?.target, row?.outcome];
    };
    await ask("POST", "exec", { ...as, body: { argv: ["false"] } });
    assert.deepEqual(await last(), ["tool.exec", "execute_command: false", "COMMAND_FAILED"]);
    await ask("POST", "exec", { ...as, body: { argv: ["sleep", "60"], timeoutSeconds: 1 } });
    assert.deepEqual(await last(), ["tool.exec", "execute_command: sleep 60", "COMMAND_TIMED_OUT"]);
    const address = "https://me:pa55word@shop.example/a.git";
    await ask("POST", "git", { ...as, body: { args: ["remote", "add", "shop", address] } });
    const shown = "execute_command: git remote add shop https://shop.example/a.git";
    assert.deepEqual((await last()).slice(0, 2), ["tool.git", shown]);
    await ask("POST", "tools/write_file", { ...as, body: { input: { path: "artifacts/a b.txt", content: "secret" } } });
    assert.deepEqual(await last(), ["tool.call", "write_file: artifacts/a b.txt", "ok"]);
    const before = (await rows()).length;
    await ask("POST", "tools/list_directory", { ...as, body: { input: {} }, headers: { accept: "text/event-stream" } });
    assert.equal((await rows()).length, before, "what does no harm has none");

    const headers = { accept: "application/x-ndjson" };
    await (await ask("POST", "exec", { ...as, headers, body: { command: "false" } })).text();
    assert.deepEqual(await last(), ["tool.exec", "execute_command: false", "COMMAND_FAILED"]);
    await (await ask("POST", "exec", { ...as, headers, body: { command: "true" } })).text();
    assert.deepEqual(await last(), ["tool.exec", "execute_command: true", "ok"]);
    assert.equal((await rows()).length, before + 2, "a call whose end is recorded is shown once");

    for (const accept of ["application/x-ndjson", "application/json"]) {
      const mark = `${6_000_000 + Math.floor(Math.random() * 1_000_000)}`;
      const gone = new AbortController();
      const left = ask("POST", "exec", {
        ...as,
        headers: { accept },
        body: { argv: ["sleep", mark] },
        signal: gone.signal,
      });
      const settled = left.then((response) => response.text()).catch(() => undefined);
      await until(() => processes(`sleep ${mark}`).length >= 1);
      if (accept !== "application/json") {
        await until(async () => (await last())[2] === "started");
        assert.deepEqual(await last(), ["tool.exec", `execute_command: sleep ${mark}`, "started"]);
      }
      gone.abort();
      await settled;
      await until(async () => {
        const [row] = await rows();
        return row?.target === `execute_command: sleep ${mark}` && row.outcome === "CALLER_LEFT";
      });
    }
  });

  it("tells the caller when the worker dies, and leaves no process", async () => {
    const mark = `${9_000_000 + Math.floor(Math.random() * 1_000_000)}`;
    const body = { argv: ["sleep", mark] };
    const plain = ask("POST", "exec", { body });
    const streamed = ask("POST", "exec", { body, headers: { accept: "application/x-ndjson" } });
    await until(() => processes(`sleep ${mark}`).length >= 2);
    const [worker] = platform.workers;
    await worker?.kill();
    const lost = await problemOf(await plain);
    assert.deepEqual([lost.status, lost.code], [502, "WORKER_LOST"]);
    assert.match(lost.remedy, /call again/);
    const last = eventsOf(await (await streamed).text()).at(-1);
    assert.ok(last?.type === "error" && last.error.code === "WORKER_LOST");
    await until(() => processes(`sleep ${mark}`).length === 0);
    const none = await ask("POST", "exec", { body: { argv: ["true"] } });
    assert.deepEqual([none.status, (await problemOf(none)).code], [503, "NO_WORKER"]);
    await worker?.start();
    await until(async () => (await ask("POST", "exec", { body: { argv: ["true"] } })).status === 200);
  });

  it("ends the calls of an API that dies", async () => {
    const mark = `${6_000_000 + Math.floor(Math.random() * 1_000_000)}`;
    const call = ask("POST", "exec", { body: { argv: ["sleep", mark] } }).catch(() => undefined);
    await until(() => processes(`sleep ${mark}`).length >= 1);
    await platform.api.kill();
    await call;
    await until(() => processes(`sleep ${mark}`).length === 0);
    await platform.api.start();
    assert.equal((await exec({ argv: ["true"] })).ok, true);
  });

  function raw(method: string, route: string, body: unknown): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(`${platform.apiUrl}/api/workspaces/${workspaceId}/${route}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          "content-type": "application/json",
          accept: "application/x-ndjson",
        },
      });
      request.once("response", resolve).once("error", reject).end(JSON.stringify(body));
    });
  }

  const treeOf = (id: string): string[] =>
    readdirSync(`${platform.workspacesDir}/${id}`, { recursive: true, encoding: "utf8" });
});

const WRITES_60_MB = "import sys\nfor _ in range(60): sys.stdout.write('0123456789' * 100000)";

const eventsOf = (text: string): ToolCallEvent[] =>
  text
    .split("\n")
    .map((line) => line.replace(/^data: /, ""))
    .filter((line) => line !== "" && !line.startsWith(":"))
    .map((line) => ToolCallEvent.parse(JSON.parse(line)));
