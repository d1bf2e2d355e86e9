import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { Problem, TaskDetails, TaskList } from "../../contracts/http-api.ts";
import { TaskResult, TaskStatus } from "../../contracts/task.ts";
import { TaskEvent } from "../../contracts/task-event.ts";
import type { TaskExecution } from "../../services/runner/task-runner.ts";
import { completed, startApi, untilState, type TestApi } from "../support/api.ts";
import { runCli, startCli, type CliOptions, type CliResult } from "../support/cli.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

/** Something to run; what the worker of this test does is told by the prompt. */
const someStep = ["--command", "npm test"] as const;

describe("automatos task", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let workspaceId: string;
  let options: CliOptions & { env: Record<string, string> };
  const running = new Map<string, { execution: TaskExecution; end: () => void }>();

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    ({ workspaceId } = await api.createWorkspace({ plan: "enterprise" }));
    const token = await api.createToken(workspaceId);
    options = { env: { AUTOMATOS_API_URL: await api.url(), AUTOMATOS_TOKEN: token } };
    await api.work(async (execution) => {
      const { task, emit, signal } = execution;
      emit({ type: "step_started", index: 0, tool: "execute_command", summary: "npm test" });
      emit({ type: "step_output", index: 0, stream: "stdout", text: "first line\nsecond " });
      emit({ type: "step_output", index: 0, stream: "stdout", text: "line\u001b]0;title\u0007\n" });
      const step = {
        index: 0,
        tool: "execute_command",
        ok: true,
        exitCode: 0,
        output: {},
        error: null,
        durationMs: 12,
      };
      emit({ type: "step_finished", step });
      if (task.prompt === "hold") {
        await new Promise<void>((resolve) => {
          running.set(task.taskId, { execution, end: resolve });
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      }
      const failure = { code: "STEP_FAILED", message: "step 1 failed", remedy: "Look at its output." };
      if (task.prompt === "fail") return { ...completed(), status: "failed", error: failure };
      return { ...completed({ answer: 42 }), steps: [step] };
    });
  });

  after(async () => {
    await api.stop();
    await postgres.stop();
  });

  const run = (...args: string[]): Promise<CliResult> => runCli(args, options);
  const json = async (...args: string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await run(...args, "--json");
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const held = async (): Promise<string> => {
    const { taskId } = TaskStatus.parse(await json("task", "run", "--detach", "--prompt", "hold", ...someStep));
    while (!running.has(taskId)) await untilState(api, taskId, "running");
    return taskId;
  };

  it("runs a task, shows what happens, and ends with 0 when it completed", async () => {
    const { code, stdout, stderr } = await run("task", "run", "--command", "npm test");
    assert.equal(code, 0, stderr);
    const shown = stdout
      .replaceAll(/\d\d:\d\d:\d\d/g, "TIME")
      .replaceAll(/[\d.]+ ms/g, "N ms")
      .replaceAll(/[0-9a-f-]{36}/g, "ID");
    assert.equal(
      shown,
      [
        "task ID",
        "TIME  submitted",
        "TIME  queued",
        "TIME  started on worker-0",
        "TIME  step 1 execute_command npm test",
        "          │ first line",
        "          │ second line",
        "TIME  step 1 ok (exit code 0) in N ms",
        "TIME  completed in N ms",
        "",
      ].join("\n"),
    );
  });

  it("tells by its exit status how the task ended, with the reason and the remedy", async () => {
    const failed = await run("task", "run", "--prompt", "fail", ...someStep);
    assert.equal(failed.code, 1);
    assert.match(failed.stdout, /STEP_FAILED: step 1 failed\nLook at its output\.\n$/);

    const cancelled = startCli(["task", "run", "--prompt", "hold", ...someStep], options);
    await cancelled.until(/step 1 ok/);
    const [, taskId = ""] = /task (\S+)/.exec(cancelled.output.stdout) ?? [];
    assert.equal((await run("task", "cancel", taskId)).code, 0);
    assert.equal((await cancelled.ended).code, 3);

    const timedOut = await run("task", "run", "--prompt", "hold", ...someStep, "--timeout", "1");
    assert.equal(timedOut.code, 4);
  });

  it("writes one event per line for programs", async () => {
    const { code, stdout } = await run("task", "run", "--prompt", "fine", ...someStep, "--json");
    assert.equal(code, 0);
    const events = stdout
      .trim()
      .split("\n")
      .map((line) => TaskEvent.parse(JSON.parse(line)));
    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      events.map((_event, index) => index + 1),
    );
    assert.equal(events.at(-1)?.body.type, "task_ended");
  });

  it("puts a task together from flags and a file, in the order of the command line", async () => {
    const file = JSON.stringify({
      prompt: "from the file",
      steps: [{ tool: "list_directory", input: {} }],
      priority: "low",
    });
    const args = [
      "task",
      "run",
      "--file",
      "-",
      "--command",
      "npm ci",
      "--step",
      '{"tool":"read_file","input":{"path":"a"}}',
    ];
    const more = [
      "--command",
      "npm test",
      "--repo",
      "https://git.example/acme/shop.git#v1.2",
      "--no-network",
      "--detach",
    ];
    const flags = [
      "--priority",
      "high",
      "--timeout",
      "600",
      "--correlation-id",
      "run-1",
      "--max-retries",
      "0",
      "--json",
    ];
    const { stdout, stderr } = await runCli([...args, ...more, ...flags], { ...options, input: file });
    const { taskId } = TaskStatus.parse(JSON.parse(stdout || stderr));
    const { task } = TaskDetails.parse((await api.request("GET", `/api/tasks/${taskId}`)).json());
    assert.equal(task.prompt, "from the file");
    assert.deepEqual(
      [task.priority, task.timeoutSeconds, task.maxRetries, task.correlationId],
      ["high", 600, 0, "run-1"],
    );
    assert.deepEqual(
      task.steps.map((step) =>
        step.tool === "execute_command" ? [step.input.command, step.input.timeoutSeconds] : step.tool,
      ),
      ["list_directory", ["npm ci", 600], "read_file", ["npm test", 600]],
    );
    assert.deepEqual(task.repositories, [{ url: "https://git.example/acme/shop.git", name: "shop", ref: "v1.2" }]);
    assert.deepEqual([task.resources.networkAccess, task.resources.repoClone], [false, true]);
  });

  it("prints the id alone where nobody watches, and takes an id for the same task again", async () => {
    const id = randomUUID();
    for (let time = 0; time < 2; time++) {
      const { code, stdout } = await run("task", "run", "--detach", "--id", id, "--prompt", "once", ...someStep);
      assert.deepEqual([code, stdout], [0, `${id}\n`]);
    }
    const conflict = await run("task", "run", "--id", id, "--prompt", "twice", ...someStep);
    assert.equal(conflict.code, 6);
    assert.match(conflict.stderr, /error: task .* was submitted before with other contents\nSubmit the same contents/);
  });

  it("lists, shows, logs and retries", async () => {
    const correlation = randomUUID();
    const failed = await run("task", "run", "--prompt", "fail", ...someStep, "--correlation-id", correlation);
    assert.equal(failed.code, 1);
    const list = TaskList.parse(
      await json("task", "ls", "--correlation-id", correlation, "--status", "failed,cancelled"),
    );
    assert.equal(list.items.length, 1);
    const taskId = list.items[0]?.taskId ?? "";
    const table = await run("task", "ls", "--correlation-id", correlation);
    assert.match(
      table.stdout,
      /^TASK +STATUS +PRIORITY +SUBMITTED +TOOK +ERROR\n\S{36} +failed +normal +[\d-]+ [\d:]+ .*step 1 failed\n$/,
    );

    const shown = await run("task", "show", taskId);
    assert.match(shown.stdout, new RegExp(`^task: +${taskId}\nstatus: +failed\n`));
    assert.match(shown.stdout, /prompt: +fail\n[^]*STEP_FAILED: step 1 failed\nLook at its output\.\n$/);
    const document = (await json("task", "show", taskId)) as { result: unknown };
    assert.equal(TaskResult.parse(document.result).status, "failed");

    const logs = await run("task", "logs", taskId);
    assert.match(logs.stdout, /^# attempt 1 on worker-0\n\$ npm test\nfirst line\nsecond line/);
    const followed = await run("task", "logs", taskId, "--follow");
    assert.equal(followed.stdout, logs.stdout);
    assert.equal(followed.code, 0);
    const entries = await run("task", "logs", taskId, "--json");
    assert.ok(
      entries.stdout
        .trim()
        .split("\n")
        .every((line) => (JSON.parse(line) as { text: string }).text.length > 0),
    );

    const retried = await run("task", "retry", taskId, "--follow");
    assert.equal(retried.code, 1);
    const none = await run("task", "ls", "--correlation-id", randomUUID());
    assert.equal(none.stdout, "no tasks\n");
  });

  it("follows on over lost connections, with no event twice and none left out", async () => {
    const taskId = await held();
    const proxy = await startTcpProxy(Number(new URL(options.env["AUTOMATOS_API_URL"] ?? "").port));
    try {
      const env = { ...options.env, AUTOMATOS_API_URL: proxy.url };
      const follower = startCli(["task", "events", taskId, "--json"], { env });
      await follower.until(/step_finished/);
      const { execution, end } = running.get(taskId) ?? assert.fail("the task runs");
      for (let index = 0; index < 3; index++) {
        proxy.cut();
        execution.emit({ type: "step_output", index: 0, stream: "stdout", text: `after cut ${index}` });
        await follower.until(new RegExp(`after cut ${index}`));
      }
      end();
      const { code, stdout, stderr } = await follower.ended;
      assert.equal(code, 0, stderr);
      const sequences = stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as TaskEvent).sequence);
      assert.deepEqual(
        sequences,
        sequences.map((_sequence, index) => index + 1),
      );
      assert.match(stderr, /connection lost, reconnecting/);
    } finally {
      await proxy.close();
    }
  });

  it("leaves the task running on Ctrl-C where nobody can be asked, and says how to come back", async () => {
    const taskId = await held();
    const follower = startCli(["task", "events", taskId], options);
    await follower.until(/step 1 ok/);
    follower.process.kill("SIGINT");
    const { code, stderr } = await follower.ended;
    assert.equal(code, 130);
    assert.match(stderr, new RegExp(`The task goes on.*automatos task events ${taskId}`));
    assert.equal((await untilState(api, taskId, "running")).cancelRequested, false);
    running.get(taskId)?.end();
  });

  it("says what the API refused, as text and as the problem itself", async () => {
    const unknown = randomUUID();
    const text = await run("task", "show", unknown);
    assert.equal(text.code, 6);
    assert.match(text.stderr, /^error: task .* is unknown, or its result has expired\nCheck the id/);
    const document = await run("task", "show", unknown, "--json");
    assert.equal(document.code, 6);
    assert.equal(Problem.parse((JSON.parse(document.stderr) as { error: unknown }).error).code, "TASK_NOT_FOUND");
  });
});
