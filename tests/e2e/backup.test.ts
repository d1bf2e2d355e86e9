import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { BackupRun } from "../../contracts/backup.ts";
import type { TaskResult, TaskStatus } from "../../contracts/task.ts";
import { createPool, type Pool } from "../../services/runtime/database.ts";
import { missingForBackups, startStore, type TestStore } from "../support/backups.ts";
import { silentLog } from "../support/database.ts";
import { runCli } from "../support/cli.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

const HOSTILE = path.resolve(import.meta.dirname, "../support/hostile-tree.py");
const missing = await missingForBackups();

describe("backups of workspaces, on real processes and a real store", { skip: missing }, () => {
  let store: TestStore;
  let platform: TestPlatform;
  let pool: Pool;

  before(async () => {
    store = await startStore();
    const config = { ...store.config, schedule: null, checkSchedule: null, keep: { last: 2, daily: 0, weekly: 0 } };
    const BACKUP = JSON.stringify(config);
    platform = await startPlatform({
      workers: 2,
      leaseSeconds: 3,
      apiEnv: { BACKUP },
      workerEnv: { BACKUP, BACKUP_SECRETS: JSON.stringify(store.secrets) },
    });
    pool = createPool({ url: platform.postgres.url, applicationName: "test", log: silentLog });
  });
  after(async () => {
    await pool.end();
    await platform.stop();
    await store.stop();
  });

  const cli = (...args: string[]) =>
    runCli(args, { env: { AUTOMATOS_API_URL: platform.apiUrl, AUTOMATOS_TOKEN: platform.adminToken } });
  const ask = (workspaceId: string, what: string, body: object = {}) =>
    platform.request<BackupRun>("POST", `/api/workspaces/${workspaceId}/${what}`, body);
  const ended = async ({ workspaceId, runId }: BackupRun): Promise<BackupRun> => {
    for (;;) {
      const run = await platform.request<BackupRun>("GET", `/api/workspaces/${workspaceId}/backups/${runId}`);
      if (run.state === "succeeded" || run.state === "failed") return run;
      await delay(50);
    }
  };
  const done = async (workspaceId: string, what: string, body?: object): Promise<BackupRun> => {
    const run = await ended(await ask(workspaceId, what, body));
    assert.equal(run.state, "succeeded", JSON.stringify(run.error));
    return run;
  };
  const runTask = async (workspaceId: string, argv: string[], steps: object[] = [command(argv)]): Promise<string> => {
    const taskId = randomUUID();
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, steps });
    return taskId;
  };
  const stateOf = async (taskId: string) => (await platform.request<TaskStatus>("GET", `/api/tasks/${taskId}`)).status;
  const until = async (taskId: string, ...states: string[]) => {
    for (;;) {
      const state = await stateOf(taskId);
      if (states.includes(state)) return state;
      await delay(50);
    }
  };
  const command = (argv: string[]) => ({ tool: "execute_command", input: { argv, timeoutSeconds: 200 } });
  const write = (file: string) => ({ tool: "write_file", input: { path: file, content: "one" } });
  const dirOf = (workspaceId: string) => path.join(platform.workspacesDir, workspaceId);
  /** A workspace with files of its own user's making. */
  const filled = async (): Promise<string> => {
    const workspaceId = await platform.createWorkspace();
    const taskId = await runTask(workspaceId, [], [write("artifacts/one"), write("two")]);
    assert.equal(await until(taskId, "completed", "failed"), "completed");
    const dir = path.join(dirOf(workspaceId), "hostile");
    mkdirSync(dir);
    execFileSync("python3", [HOSTILE, dir]);
    execFileSync("chown", ["-hR", "--reference", dirOf(workspaceId), dir]);
    return workspaceId;
  };
  const staged = (workspaceId: string) =>
    path.join(platform.workspacesDir, ".automatos", workspaceId, "backup", "scratch");

  it("backs up, checks, and brings every file back; the second backup adds little", async () => {
    const workspaceId = await filled();
    const first = await cli("workspace", "backup", workspaceId, "--json");
    assert.equal(first.code, 0, first.stderr);
    const backup = JSON.parse(first.stdout) as BackupRun;
    assert.equal(backup.tasksRan, false);
    assert.equal(backup.unreadable, 0);
    const second = await done(workspaceId, "backups");
    assert.ok((second.addedBytes ?? 0) < (backup.addedBytes ?? 0) / 2, `${second.addedBytes} of ${backup.addedBytes}`);

    const verified = await cli("workspace", "backup", "verify", workspaceId);
    assert.equal(verified.code, 0, verified.stderr + verified.stdout);
    assert.match(verified.stdout, /no difference/);

    const before = tree(dirOf(workspaceId));
    rmSync(path.join(dirOf(workspaceId), "hostile"), { recursive: true });
    writeFileSync(path.join(dirOf(workspaceId), "two"), "spoiled");
    writeFileSync(path.join(dirOf(workspaceId), "three"), "new");
    const restored = await cli("workspace", "restore", workspaceId);
    assert.equal(restored.code, 0, restored.stderr + restored.stdout);
    assert.deepEqual(tree(dirOf(workspaceId)), before);
    assert.deepEqual(
      readdirSync(path.dirname(staged(workspaceId))).filter((name) => name === "scratch"),
      [],
    );
    // and tasks work with it
    const taskId = await runTask(workspaceId, [], [command(["cat", "two", "artifacts/one"]), write("artifacts/one")]);
    const { result } = await platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=50`);
    assert.equal(await until(taskId, "completed", "failed"), "completed", JSON.stringify(result));
  });

  it("keeps what retention says, and says what it has removed", async () => {
    const workspaceId = await filled();
    const runs: BackupRun[] = [];
    for (let count = 0; count < 3; count++) {
      writeFileSync(path.join(dirOf(workspaceId), `file-${count}`), String(count));
      runs.push(await done(workspaceId, "backups"));
    }
    const [oldest = "", ...kept] = runs.map(({ runId }) => runId);
    let list = { stdout: "" };
    do list = await cli("workspace", "backups", workspaceId);
    while (!list.stdout.includes("removed"));
    await assert.rejects(ask(workspaceId, "restores", { backupId: oldest }), /BACKUP_NOT_FOUND/);
    await done(workspaceId, "backup-checks", { backupId: kept[0] });
    await done(workspaceId, "restores", { backupId: kept[0] });
    assert.equal(readFileSync(path.join(dirOf(workspaceId), "file-1"), "utf8"), "1");
    assert.throws(() => readFileSync(path.join(dirOf(workspaceId), "file-2")), { code: "ENOENT" });
  });

  it("makes one backup of two requests, and one run of one id", async () => {
    const workspaceId = await filled();
    const runId = randomUUID();
    const asked = await Promise.all([ask(workspaceId, "backups", { runId }), ask(workspaceId, "backups", { runId })]);
    assert.deepEqual(
      asked.map((run) => run.runId),
      [runId, runId],
    );
    const [one, other] = await Promise.all([ask(workspaceId, "backups"), ask(workspaceId, "backups")]);
    if (one.state !== "succeeded") assert.equal(one.runId, other.runId);
    assert.equal((await ended(one)).state, "succeeded");
  });

  it("restores nothing under a task that runs, and no task starts while it restores", async () => {
    const workspaceId = await filled();
    await done(workspaceId, "backups");
    const taskId = await runTask(workspaceId, ["sleep", "100"]);
    await until(taskId, "running");
    await assert.rejects(ask(workspaceId, "restores"), /WORKSPACE_BUSY/);
    assert.equal((await done(workspaceId, "backups")).tasksRan, true);
    await platform.request("POST", `/api/tasks/${taskId}/cancel`, {});
    await until(taskId, "cancelled");

    const restore = await ask(workspaceId, "restores");
    await stateIs(restore, "running");
    const waiting = await runTask(workspaceId, ["true"]);
    await assert.rejects(
      platform.request("POST", `/api/workspaces/${workspaceId}/exec`, { argv: ["true"] }),
      /WORKSPACE_RESTORING/,
    );
    if ((await stateOf(waiting)) !== "completed") assert.equal(await stateOf(waiting), "queued");
    assert.equal((await ended(restore)).state, "succeeded");
    assert.equal(await until(waiting, "completed", "failed"), "completed");
  });

  const stateIs = async ({ workspaceId, runId }: BackupRun, state: string) => {
    for (;;) {
      const run = await platform.request<BackupRun>("GET", `/api/workspaces/${workspaceId}/backups/${runId}`);
      if (run.state === state || run.state === "succeeded" || run.state === "failed") return run.state;
      await delay(20);
    }
  };
  const holder = async (runId: string) => {
    const { rows } = await pool.query<{ worker_id: string }>("SELECT worker_id FROM workspace_backups WHERE id = $1", [
      runId,
    ]);
    const worker = platform.workers.find(({ name }) => name === rows[0]?.worker_id);
    assert.ok(worker);
    return worker;
  };

  for (const what of ["backups", "restores", "backup-checks"]) {
    it(`goes on elsewhere when the worker is killed in the middle: ${what}`, async () => {
      const workspaceId = await filled();
      await done(workspaceId, "backups");
      const before = tree(dirOf(workspaceId));
      const asked = await ask(workspaceId, what);
      await stateIs(asked, "running");
      const worker = await holder(asked.runId);
      await worker.kill();
      const after = await ended(asked);
      await worker.start();
      assert.equal(after.state, "succeeded", JSON.stringify(after.error));
      assert.ok(after.attempt >= 2);
      assert.deepEqual(tree(dirOf(workspaceId)), before);
      await done(workspaceId, "backups");
    });
  }

  it("says that a backup is damaged, and leaves the workspace's files alone", async () => {
    const workspaceId = await filled();
    await done(workspaceId, "backups");
    assert.ok(store.flipBits(workspaceId) > 0);
    const before = tree(dirOf(workspaceId));
    const verified = await cli("workspace", "backup", "verify", workspaceId);
    assert.equal(verified.code, 1);
    assert.match(verified.stdout, /cannot be read back/);
    const restored = await ended(await ask(workspaceId, "restores"));
    assert.equal(restored.error?.code, "BACKUP_DAMAGED");
    assert.deepEqual(tree(dirOf(workspaceId)), before);
    const headers = { authorization: `Bearer ${platform.adminToken}` };
    const metrics = await (await fetch(`${platform.apiUrl}/metrics`, { headers })).text();
    assert.ok(metrics.includes(`automatos_workspace_backup_failures{workspace="${workspaceId}"} 1\n`));
    assert.ok(metrics.includes(`automatos_workspace_backup_age_seconds{workspace="${workspaceId}"} `));
  });
});

/** Every entry below a folder with its mode, size and content, in lines of text. */
function tree(dir: string): string[] {
  const script = `
import hashlib, os, stat, sys
for top, folders, files in os.walk(os.fsencode(sys.argv[1])):
    for name in sorted(folders + files):
        path = os.path.join(top, name); s = os.lstat(path)
        what = os.readlink(path) if stat.S_ISLNK(s.st_mode) else hashlib.sha256(open(path, "rb").read()).hexdigest() if stat.S_ISREG(s.st_mode) else ""
        if stat.S_ISSOCK(s.st_mode) or b".workspace_meta" in path: continue
        print(repr(path), oct(s.st_mode), s.st_uid, s.st_mtime_ns if stat.S_ISREG(s.st_mode) else 0, what)
`;
  return execFileSync("python3", ["-c", script, dir], { encoding: "utf8" }).trim().split("\n").sort();
}
