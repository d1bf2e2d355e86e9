import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { TaskList } from "../../contracts/http-api.ts";
import { completed, startApi, untilState, type TestApi } from "../support/api.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

const CLI = path.resolve(import.meta.dirname, "../../cli/automatos.mjs");
/** Gives a program a terminal. Part of util-linux; its options are another program's elsewhere. */
const SCRIPT = "/usr/bin/script";
const CTRL_C = "\u0003";
const skip = process.platform === "linux" && existsSync(SCRIPT) ? false : `${SCRIPT} of util-linux is missing`;

describe("automatos on a terminal", { skip }, () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  let url: string;
  const children = new Set<ChildProcess>();

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    ({ workspaceId } = await api.createWorkspace({ plan: "enterprise" }));
    url = await api.url();
    await api.work(async ({ signal, emit }) => {
      emit({ type: "step_output", index: 0, stream: "stdout", text: "begun\n" });
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return completed();
    });
  });

  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await api.stop();
    await postgres.stop();
  });

  interface Terminal {
    type(keys: string): void;
    until(pattern: RegExp): Promise<string>;
    readonly ended: Promise<number | null>;
  }

  function open(args: string, env: Record<string, string> = {}): Terminal {
    // Without `exec` a shell would stay in between, and take Ctrl-C for itself as well.
    const command = `exec "${process.execPath}" "${CLI}" ${args}`;
    const child = spawn(SCRIPT, ["--quiet", "--flush", "--return", "--command", command, "/dev/null"], {
      cwd: "/",
      env: {
        PATH: process.env["PATH"],
        TERM: "xterm",
        AUTOMATOS_API_URL: url,
        AUTOMATOS_TOKEN: api.adminToken,
        ...env,
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    children.add(child);
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (shown += text));
    const ended = once(child, "close").then(([code]) => {
      children.delete(child);
      return code as number | null;
    });
    return {
      ended,
      type: (keys) => child.stdin.write(keys),
      async until(pattern) {
        while (!pattern.test(shown)) {
          const next = await Promise.race([once(child.stdout, "data").then(() => "more"), ended]);
          if (next !== "more" && !pattern.test(shown)) throw new Error(`it ended with ${String(next)}: ${shown}`);
        }
        return shown;
      },
    };
  }

  const run = (env?: Record<string, string>): Terminal =>
    open(`task run --workspace ${workspaceId} --command hold`, env);
  const newest = async (): Promise<string> => {
    const { items } = (await api.request("GET", "/api/tasks?limit=1")).json<TaskList>();
    return items[0]?.taskId ?? "";
  };

  it("follows without being told to, in colours, and cancels when the person says so", async () => {
    const terminal = run();
    const shown = await terminal.until(/begun/);
    assert.ok(shown.includes("\u001b[2m"), "colours");
    terminal.type(CTRL_C);
    await terminal.until(/Cancel the task\? \[y\/N\]/);
    terminal.type("y\r");
    await terminal.until(/cancelled/);
    assert.equal(await terminal.ended, 3);
    assert.equal((await untilState(api, await newest(), "cancelled")).cancelRequested, true);
  });

  it("detaches when the person does not want to cancel, and at a second Ctrl-C", async () => {
    for (const keys of ["n\r", "\r", CTRL_C]) {
      const terminal = run();
      await terminal.until(/begun/);
      terminal.type(CTRL_C);
      await terminal.until(/Cancel the task\?/);
      terminal.type(keys);
      await terminal.until(/The task goes on\. Come back with `automatos task events/);
      assert.equal(await terminal.ended, 130);
      const taskId = await newest();
      assert.equal((await untilState(api, taskId, "running")).cancelRequested, false);
      await api.request("POST", `/api/tasks/${taskId}/cancel`);
    }
  });

  it("has no colours where NO_COLOR says so", async () => {
    const terminal = run({ NO_COLOR: "1" });
    const shown = await terminal.until(/begun/);
    assert.ok(!shown.includes("\u001b["), JSON.stringify(shown));
    await api.request("POST", `/api/tasks/${await newest()}/cancel`);
    assert.equal(await terminal.ended, 3);
  });
});
