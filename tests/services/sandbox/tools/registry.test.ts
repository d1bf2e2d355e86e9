import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  SandboxUnavailableError,
  ToolNeedsApprovalError,
  ToolNotConfiguredError,
} from "../../../../contracts/errors.ts";
import { ToolPolicy } from "../../../../contracts/tools.ts";
import { createSandbox, UnavailableSandbox } from "../../../../services/sandbox/create-sandbox.ts";
import type { Sandbox } from "../../../../services/sandbox/sandbox.ts";
import { runTool } from "../../../../services/sandbox/tools/registry.ts";
import type { ApiTools, ToolContext } from "../../../../services/sandbox/tools/tool.ts";
import { isRoot, Playground, WORKSPACE_UID } from "../support.ts";

describe("the worker's tools", () => {
  const playground = new Playground();
  const said = { shown: "", logged: "" };
  let context: ToolContext;
  let sandbox: Sandbox;
  let folder: string;
  before(() => {
    sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
    const profile = playground.makeWorkspace();
    folder = profile.workspaceDir;
    context = {
      sandbox,
      profile,
      signal: new AbortController().signal,
      onOutput: (_stream, text) => (said.shown += text),
      log: (text) => (said.logged += text),
    };
  });
  after(() => playground.remove());

  const allowAll = ToolPolicy.parse({});
  const call = async (name: string, input: unknown, changed: Partial<ToolContext> = {}, policy = allowAll) => {
    const { output, ...rest } = await runTool(name, input, { ...context, ...changed }, policy);
    return { ...rest, output: output as Record<string, unknown> | null };
  };
  const line = (command: string, more: object = {}) => call("execute_command", { command, ...more });

  it("write, read, list and make directories, as the workspace's user", async () => {
    assert.deepEqual((await call("write_file", { path: "a/b.txt", content: "héllo" })).output, {
      path: "a/b.txt",
      bytesWritten: 6,
    });
    assert.equal((await call("create_directory", { path: "a/c/d" })).ok, true);
    const { output } = await call("list_directory", { recursive: true });
    assert.deepEqual(
      (output?.["entries"] as { path: string; type: string }[]).map(({ path, type }) => `${type} ${path}`),
      ["directory a", "file a/b.txt", "directory a/c", "directory a/c/d"],
    );
    if (isRoot) assert.equal(fs.statSync(join(folder, "a/c/d")).uid, WORKSPACE_UID);
    const cut = await call("read_file", { path: "a/b.txt", maxBytes: 2 });
    assert.deepEqual(cut.output, {
      content: "h",
      encoding: "utf8",
      sizeBytes: 6,
      offsetBytes: 0,
      nextOffsetBytes: 1,
    });
    const rest = await call("read_file", { path: "a/b.txt", offsetBytes: 1 });
    assert.equal(rest.output?.["content"], "éllo");
    assert.equal(rest.output["nextOffsetBytes"], null);
    await call("write_file", { path: "bytes", content: "//8A", encoding: "base64" });
    const binary = await call("read_file", { path: "bytes" });
    assert.equal(binary.output?.["encoding"], "base64");
    assert.equal(binary.output["content"], "//8A");
  });

  it("ask the policy first, then the schema, then a person", async () => {
    const strict = ToolPolicy.parse({
      levels: { safe: "allow", cautious: "ask", dangerous: "deny" },
      tools: { list_directory: "deny" },
    });
    const codes = await Promise.all(
      ["list_directory", "read_file", "execute_command"].map(
        async (name) => (await call(name, "nonsense", {}, strict)).error?.code,
      ),
    );
    assert.deepEqual(codes, ["TOOL_DENIED", "INVALID_TOOL_INPUT", "TOOL_DENIED"]);
    const asked = await call("create_directory", { path: "asked" }, {}, strict);
    assert.ok(asked.error instanceof ToolNeedsApprovalError);
    assert.equal(fs.existsSync(join(folder, "asked")), false);
    assert.equal((await call("create_directory", { path: "asked" }, { approved: true }, strict)).ok, true);
    assert.equal((await call("list_directory", {}, { approved: true }, strict)).error?.code, "TOOL_DENIED");
    const invalid = await call("read_file", { path: 1, other: 2 });
    assert.equal(invalid.error?.code, "INVALID_TOOL_INPUT");
    assert.match(invalid.error.message, /path/);
    assert.equal((await call("no_such_tool", {})).error?.code, "UNKNOWN_TOOL");
    assert.equal((await call("execute_command", {})).error?.code, "INVALID_TOOL_INPUT");
  });

  it("run a line with pipes, variables, patterns and files, in its folder", async () => {
    await call("write_file", { path: "src/one.js", content: "1" });
    await call("write_file", { path: "src/two.js", content: "2" });
    const result = await line("cat *.js | tr 1 3 > ../out && NAME=x printf '%s' \"$GREETING\" && cat < ../out", {
      cwd: "src",
      environment: { GREETING: "hi $x " },
    });
    assert.equal(result.error, null);
    assert.equal(result.output?.["stdout"], "hi $x 32");
    assert.equal((await line("cat", { stdin: "given" })).output?.["stdout"], "given");
  });

  it("say how a command ended", async () => {
    const failed = await line("ls nowhere");
    assert.deepEqual([failed.ok, failed.exitCode, failed.error?.code], [false, 2, "COMMAND_FAILED"]);
    const late = await line("sleep 100", { timeoutSeconds: 1 });
    assert.deepEqual([late.exitCode, late.error?.code], [null, "COMMAND_TIMED_OUT"]);
    const stopped = await call("execute_command", { argv: ["sleep", "100"] }, { signal: AbortSignal.timeout(200) });
    assert.equal(stopped.error?.code, "COMMAND_CANCELLED");
    assert.equal((await line("sudo ls")).error?.code, "COMMAND_BLOCKED");
    assert.equal((await line("bash -c ls")).error?.code, "COMMAND_NOT_ALLOWED");
    assert.equal((await line("echo $(id)")).error?.code, "COMMAND_SYNTAX");
    assert.equal((await line("ls > ../x")).error?.code, "PATH_OUTSIDE_WORKSPACE");
  });

  it("cut long output in the answer and to those who watch, and log all of it", async () => {
    said.shown = said.logged = "";
    const script = "import sys; print('é' * 300000); print('last line'); print('x' * 200000, file=sys.stderr)";
    const { output } = await call("execute_command", { argv: ["python3", "-c", script] });
    const stdout = String(output?.["stdout"]);
    assert.equal(output?.["truncated"], true);
    assert.equal(output["stdoutBytes"], 600_011);
    assert.match(stdout, /\n\[\d+ bytes cut here; write long output to a file below artifacts\/\]\n/);
    assert.ok(stdout.endsWith("last line\n") && !stdout.includes("\ufffd"));
    assert.ok(Buffer.byteLength(stdout) <= 100 * 1024 + 100);
    assert.ok(Buffer.byteLength(String(output["stderr"])) <= 50 * 1024 + 100);
    assert.equal(Buffer.byteLength(said.logged), 600_011 + 200_001);
    assert.ok(Buffer.byteLength(said.shown) <= 150 * 1024 + 200);
  });

  it("are reached at the API where they run there, by the same rules", async () => {
    const made: unknown[] = [];
    const apiTools: ApiTools = {
      async call(name, input, { callId }) {
        made.push({ name, input, callId });
        if (name === "database_query") throw new ToolNotConfiguredError(name, "a key");
        return { status: 200 };
      },
    };
    const request = { url: "http://example.com/" };
    const answer = await call("http_request", request, { apiTools, callId: "step-3" });
    assert.deepEqual([answer.ok, answer.output], [true, { status: 200 }]);
    const refused = await call("database_query", { query: "select 1" }, { apiTools });
    assert.equal(refused.error?.code, "TOOL_NOT_CONFIGURED");
    assert.equal((await call("http_request", request)).error?.code, "TOOL_NOT_CONFIGURED");
    const denied = ToolPolicy.parse({ tools: { http_request: "deny" } });
    assert.equal((await call("http_request", request, { apiTools }, denied)).error?.code, "TOOL_DENIED");
    assert.equal((await call("http_request", { url: "ftp://x" }, { apiTools })).error?.code, "INVALID_TOOL_INPUT");
    assert.equal(made.length, 2);
    assert.partialDeepStrictEqual(made[0], { name: "http_request", input: { method: "GET" }, callId: "step-3" });
  });

  it("work without a sandbox, but for commands", async () => {
    const refused = new UnavailableSandbox(new SandboxUnavailableError("a reason", "A remedy."));
    assert.equal((await call("write_file", { path: "x", content: "" }, { sandbox: refused })).ok, true);
    const { error } = await call("execute_command", { argv: ["ls"] }, { sandbox: refused });
    assert.equal(error?.code, "SANDBOX_UNAVAILABLE");
  });
});
