import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { AgentTaskInput, TaskResult } from "../../contracts/task.ts";
import type { WorkspaceUsage } from "../../contracts/workspace.ts";
import { readEvents } from "../support/events.ts";
import { lacksLoopVolume, LoopVolume, sweepLoopVolumes } from "../support/loop-volume.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

const MB = 1_000_000;
const QUOTA_BYTES = 40 * MB;
/** Never ends by itself: whoever takes what it writes away has stopped it. */
const FILL = `
  const fs = require("node:fs");
  const data = Buffer.alloc(1e6, 1);
  console.log("begun");
  let count = 0;
  const timer = setInterval(() => {
    fs.writeFileSync("file-" + count, data);
    count += 1;
    if (count === 400) clearInterval(timer), setInterval(() => {}, 1000);
  }, 20);
`;

/** The folder is named after the task, whose id is in the environment. */
const MANY_FILES = `
  const fs = require("node:fs");
  const dir = "tasks/task_" + process.env.AUTOMATOS_TASK_ID + "/scratch/";
  for (let count = 0; count < 50000; count++) fs.writeFileSync(dir + count, "");
  console.log("written");
  setInterval(() => {}, 1000);
`;

describe("what tasks write, on real processes", () => {
  let platform: TestPlatform;

  before(async () => {
    platform = await startPlatform({ planLimits: { starter: { storageQuotaBytes: QUOTA_BYTES } } });
  });
  after(() => platform.stop());

  const aTask = (workspaceId: string, script: string, cwd = "."): AgentTaskInput & { taskId: string } => ({
    taskId: randomUUID(),
    workspaceId,
    steps: [
      { tool: "create_directory", input: { path: cwd } },
      { tool: "execute_command", input: { argv: ["node", "-e", script], cwd, timeoutSeconds: 200 } },
    ],
  });
  const submit = (task: AgentTaskInput) => platform.request("POST", "/api/tasks", task);
  const result = (taskId: string) => platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=50`);

  it("stops a task that fills its workspace's quota, with the reason, and others do not notice", async () => {
    const full = await platform.createWorkspace({ plan: "starter" });
    const other = await platform.createWorkspace();
    const filling = aTask(full, FILL, "artifacts/fill");
    await submit(filling);
    await readEvents(platform, filling.taskId, ({ body }) => body.type === "step_output");
    const meanwhile = aTask(other, "require('node:fs').writeFileSync('done', 'x'.repeat(1e6))");
    await submit(meanwhile);

    const stopped = await result(filling.taskId);
    assert.equal(stopped.status, "failed", JSON.stringify(stopped));
    assert.equal(stopped.error?.code, "WORKSPACE_QUOTA_EXCEEDED");
    assert.deepEqual(
      stopped.steps.map(({ ok, error }) => [ok, error?.code ?? null]),
      [
        [true, null],
        [false, "WORKSPACE_QUOTA_EXCEEDED"],
      ],
    );
    assert.equal((await result(meanwhile.taskId)).status, "completed");
    const written = execFileSync("du", ["-sb", path.join(platform.workspacesDir, full)], { encoding: "utf8" });
    assert.ok(Number.parseInt(written, 10) < 400 * MB, `stopped before it had written all: ${written}`);

    const refused = aTask(full, "0");
    await submit(refused);
    assert.equal((await result(refused.taskId)).error?.code, "WORKSPACE_QUOTA_EXCEEDED");
  });

  it("ends a cancelled task at once, however many files its folder holds", async () => {
    const workspaceId = await platform.createWorkspace();
    const task = aTask(workspaceId, MANY_FILES, ".");
    await submit(task);
    await readEvents(platform, task.taskId, ({ body }) => body.type === "step_output");
    await platform.request("POST", `/api/tasks/${task.taskId}/cancel`);
    const { status, steps } = await result(task.taskId);
    assert.equal(status, "cancelled");
    assert.deepEqual(
      steps.map(({ ok, error }) => [ok, error?.code ?? null]),
      [
        [true, null],
        [false, "COMMAND_CANCELLED"],
      ],
    );
    assert.deepEqual(await readdir(path.join(platform.workspacesDir, workspaceId, "tasks")), []);
  });
});

const lacking = lacksLoopVolume("btrfs");

describe("what tasks write, where the file system itself has limits (btrfs)", { skip: lacking ?? false }, () => {
  let volume: LoopVolume;
  let platform: TestPlatform;

  before(async () => {
    sweepLoopVolumes();
    volume = new LoopVolume("btrfs", 4_096); // sparse; a reserve of 1 GiB stays free
    platform = await startPlatform({
      workspacesDir: path.join(volume.mountPoint, "workspaces"),
      workspaceQuota: "btrfs",
      planLimits: { starter: { storageQuotaBytes: QUOTA_BYTES }, pro: { storageQuotaBytes: 5 * QUOTA_BYTES } },
    });
  });
  after(async () => {
    await platform.stop();
    volume.remove();
  });

  const command = async (workspaceId: string, argv: readonly string[]): Promise<string> => {
    const taskId = randomUUID();
    const steps = [{ tool: "execute_command", input: { argv, timeoutSeconds: 60 } }];
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, steps });
    return taskId;
  };
  const result = (taskId: string) => platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=50`);
  const WRITE = (megabytes: number, then = "") => [
    "node",
    "-e",
    `const fs = require("node:fs"); const file = fs.openSync("big-" + Math.random(), "w"); const data = Buffer.alloc(1e6, 1);
     for (let count = 0; count < ${megabytes}; count++) fs.writeSync(file, data); console.log("written"); ${then}`,
  ];

  it("ends the task with the reason when a write is refused, while others write on", async () => {
    const full = await platform.createWorkspace({ plan: "starter" });
    const other = await platform.createWorkspace({ plan: "starter" });
    const [filling, meanwhile] = [await command(full, WRITE(400)), await command(other, WRITE(25))];
    const stopped = await result(filling);
    assert.equal(stopped.error?.code, "WORKSPACE_QUOTA_EXCEEDED", JSON.stringify(stopped));
    assert.equal((await result(meanwhile)).status, "completed");
    const usage = await platform.request<WorkspaceUsage>("GET", `/api/workspaces/${full}/usage`);
    assert.deepEqual([usage.quotaKind, usage.hardLimit], ["btrfs", true]);
    assert.ok(usage.usedBytes >= QUOTA_BYTES && usage.usedBytes < 1.2 * QUOTA_BYTES, String(usage.usedBytes));
    assert.equal((await result(await command(full, ["ls"]))).error?.code, "WORKSPACE_QUOTA_EXCEEDED");
    const metrics = await (await fetch(`${platform.workers[0]?.healthUrl ?? ""}/metrics`)).text();
    assert.match(metrics, new RegExp(`quota_events_total\\{workspace="${full}",event="refused"\\} 1`));
    const health = (await (await fetch(`${platform.workers[0]?.healthUrl ?? ""}/readyz`)).json()) as {
      details: { quota: { kind: string } };
    };
    assert.equal(health.details.quota.kind, "btrfs");
  });

  it("holds a running task to the larger plan that its workspace gets meanwhile", async () => {
    const workspaceId = await platform.createWorkspace({ plan: "starter" });
    const wait = `const go = () => fs.existsSync("go") ? fs.writeFileSync("more", Buffer.alloc(60e6, 1)) : setTimeout(go, 20); go();`;
    const growing = await command(workspaceId, WRITE(30, wait));
    await readEvents(platform, growing, ({ body }) => body.type === "step_output");
    await platform.request("PUT", `/api/workspaces/${workspaceId}/plan`, { plan: "pro" });
    const folder = path.join(platform.workspacesDir, workspaceId);
    await limitOf(folder, 4 * QUOTA_BYTES);
    writeFileSync(path.join(folder, "go"), "");
    assert.equal((await result(growing)).status, "completed");
  });

  /** Waits until the file system allows a folder more than `bytes`. */
  async function limitOf(folder: string, bytes: number): Promise<void> {
    for (;;) {
      const shown = execFileSync("btrfs", ["qgroup", "show", "--raw", "-r", "-f", folder], { encoding: "utf8" });
      if (Number(/^0\/\d+\s+\d+\s+\d+\s+(\d+)/m.exec(shown)?.[1]) > bytes) return;
      await delay(20);
    }
  }
});
