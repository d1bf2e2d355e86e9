import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  link as linkFile,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import { WorkspaceMeta } from "../../../contracts/workspace.ts";
import { InMemoryRepositoryLocks } from "../../../services/workspace/repository-locks.ts";
import { TaskLog } from "../../../services/workspace/task-log.ts";
import { WorkspaceVolume } from "../../../services/workspace/workspace-volume.ts";

const logger = pino({ level: "silent" });
const asRoot = process.getuid?.() === 0;
const UID = asRoot ? 234_568 : (process.getuid?.() ?? 0);
const CREATED = "2026-01-02T03:04:05.000Z";
const NOW = "2026-02-03T04:05:06.000Z";

describe("WorkspaceVolume", () => {
  const folders: string[] = [];
  let rootDir: string;
  let outside: string;
  let workspaceId: string;
  let volume: WorkspaceVolume;
  const open = () =>
    new WorkspaceVolume({ rootDir, locks: new InMemoryRepositoryLocks(), logger, now: () => new Date(NOW) });
  const prepare = (quotaBytes = 1_000) =>
    volume.prepare({ workspaceId, planTier: "pro", createdAt: CREATED }, { uid: UID, quotaBytes });
  const below = (...path: string[]) => join(rootDir, workspaceId, ...path);
  const meta = async () => WorkspaceMeta.parse(JSON.parse(await readFile(below(".workspace_meta.json"), "utf8")));

  beforeEach(async () => {
    const folder = await mkdtemp(join(tmpdir(), "volume-"));
    folders.push(folder);
    rootDir = join(folder, "workspaces");
    outside = join(folder, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "precious"), "untouched");
    workspaceId = randomUUID();
    volume = open();
    await volume.prepareRoot();
  });
  after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

  it("makes the layout, which only the workspace's user may enter", async () => {
    const dir = await prepare();
    assert.equal(dir, below());
    assert.equal((await stat(rootDir)).mode & 0o777, 0o711);
    assert.equal((await stat(dir)).mode & 0o777, 0o700);
    for (const path of ["", "repos", "tasks", "artifacts", ".workspace_meta.json"]) {
      assert.equal((await stat(below(path))).uid, UID, path);
    }
    assert.deepEqual(await meta(), {
      workspaceId,
      createdAt: CREATED,
      planTier: "pro",
      storageQuotaBytes: 1_000,
      lastTaskAt: null,
      reposCached: [],
      totalTasksRun: 0,
    });
    assert.equal((await stat(join(rootDir, ".automatos"))).mode & 0o777, 0o700);
  });

  it("may be prepared again and again, at once, and after a crash at any step", async () => {
    await mkdir(below("tasks"), { recursive: true }); // made, and not yet given away
    await Promise.all([prepare(), prepare(), prepare(2_000)]);
    assert.equal((await stat(below("tasks"))).uid, UID);
    assert.equal((await meta()).storageQuotaBytes, 2_000);
  });

  it("refuses what is no workspace's id", () => {
    for (const id of ["..", ".automatos", "", "a/b", `${workspaceId}/..`]) assert.throws(() => volume.workspaceDir(id));
  });

  it("moves aside what stands in the place of a folder, and follows no link", async () => {
    await prepare();
    await rm(below("repos"), { recursive: true });
    await rm(below("artifacts"), { recursive: true });
    await rm(below("tasks"), { recursive: true });
    await symlink(outside, below("repos"));
    await writeFile(below("artifacts"), "an agent's file");
    execFileSync("mkfifo", [below("tasks")]);
    await rm(below(".workspace_meta.json"));
    await symlink(join(outside, "precious"), below(".workspace_meta.json"));
    await prepare();
    for (const name of ["repos", "artifacts", "tasks"]) assert.ok((await lstat(below(name))).isDirectory());
    assert.equal((await meta()).planTier, "pro");
    assert.equal((await readdir(below())).filter((name) => name.includes(".replaced-")).length, 3);
    assert.equal(await readFile(join(outside, "precious"), "utf8"), "untouched");
    assert.equal((await stat(join(outside, "precious"))).uid, process.getuid?.());
  });

  it("believes nothing that an agent writes into the meta file", async () => {
    await prepare();
    const task = await volume.openTask(workspaceId, randomUUID(), UID);
    await writeFile(
      below(".workspace_meta.json"),
      JSON.stringify({ ...(await meta()), totalTasksRun: 1e9, storageQuotaBytes: 1e15 }),
    );
    await task.close();
    assert.deepEqual([(await meta()).totalTasksRun, (await meta()).storageQuotaBytes], [1, 1_000]);
    await rm(below(".workspace_meta.json"));
    await mkdir(below(".workspace_meta.json/x"), { recursive: true });
    await prepare();
    assert.equal((await meta()).totalTasksRun, 1);
  });

  it("gives a task a folder, a log and an environment, and takes them away", async () => {
    await prepare();
    const taskId = randomUUID();
    const task = await volume.openTask(workspaceId, taskId, UID);
    assert.equal(task.taskDir, `tasks/task_${taskId}`);
    assert.equal((await stat(below(task.scratchDir))).uid, UID);
    const hostile = 'it\'s "$(touch /tmp/x)"\n`id`';
    await task.writeEnv({ PLAIN: "1", HOSTILE: hostile });
    const read = execFileSync("sh", ["-c", `. ${below(task.taskDir, ".task_env")}; printf %s "$HOSTILE"`], {
      encoding: "utf8",
    });
    assert.equal(read, hostile);
    assert.equal((await stat(below(task.taskDir, ".task_env"))).mode & 0o777, 0o600);
    await assert.rejects(task.writeEnv({ "A B": "1" }), TypeError);
    await assert.rejects(task.writeEnv({ A: "\0" }), TypeError);

    task.log.write("one\n");
    task.log.write("zwö\n");
    await task.log.end();
    task.log.write("after the end\n");
    assert.equal(await readFile(below(task.taskDir, ".task_log"), "utf8"), "one\nzwö\n");

    await mkdir(below(".ssh"));
    await writeFile(below(".ssh/id"), "secret");
    await writeFile(below(".gitconfig"), "secret");
    await Promise.all([task.close(), task.close()]);
    await task.close();
    assert.deepEqual(await readdir(below("tasks")), []);
    assert.deepEqual((await readdir(below())).sort(), [".workspace_meta.json", "artifacts", "repos", "tasks"]);
    assert.deepEqual([(await meta()).totalTasksRun, (await meta()).lastTaskAt], [1, NOW]);
  });

  it("keeps credentials until the last task of the workspace has ended", async () => {
    await prepare();
    const tasks = await Promise.all([1, 2].map(() => volume.openTask(workspaceId, randomUUID(), UID)));
    await writeFile(below(".gitconfig"), "secret");
    await tasks[0]?.close();
    assert.ok((await readdir(below())).includes(".gitconfig"));
    await tasks[1]?.close();
    assert.ok(!(await readdir(below())).includes(".gitconfig"));
    assert.equal((await meta()).totalTasksRun, 2);
  });

  it("leaves a paused task's files to the attempt that goes on, and no credentials", async () => {
    await prepare();
    const taskId = randomUUID();
    const first = await volume.openTask(workspaceId, taskId, UID);
    first.log.write("one\n");
    await writeFile(below(first.scratchDir, "work"), "half done");
    await writeFile(below(".gitconfig"), "secret");
    await Promise.all([first.leave(), first.close()]);
    assert.ok(!(await readdir(below())).includes(".gitconfig"));

    const kept = new Set<string>([taskId]);
    const locks = new InMemoryRepositoryLocks();
    const restarted = new WorkspaceVolume({ rootDir, locks, logger, isKept: async (id) => kept.has(id) });
    assert.deepEqual((await restarted.recover(async () => false)).removedTasks, []);
    await restarted.removeEnded(workspaceId, taskId, async () => false);
    const second = await restarted.openTask(workspaceId, taskId, UID, { keep: true });
    assert.equal(await readFile(below(second.scratchDir, "work"), "utf8"), "half done");
    second.log.write("two\n");
    await second.leave();
    assert.equal(await readFile(below(second.taskDir, ".task_log"), "utf8"), "one\ntwo\n");
    assert.equal((await meta()).totalTasksRun, 0);

    kept.clear();
    await restarted.removeEnded(workspaceId, taskId, async () => true);
    assert.equal((await readdir(below("tasks"))).length, 1);
    await restarted.removeEnded(workspaceId, taskId, async () => false);
    assert.deepEqual(await readdir(below("tasks")), []);
    await restarted.removeEnded(workspaceId, taskId, async () => false);
    await restarted.removeEnded(randomUUID(), randomUUID(), async () => false);
  });

  it("writes to no log that an agent has put in place of its own", async () => {
    await prepare();
    const taskId = randomUUID();
    const log = below("tasks", `task_${taskId}`, ".task_log");
    const replace: Record<string, () => Promise<unknown>> = {
      link: () => symlink(join(outside, "precious"), log),
      fifo: async () => execFileSync("mkfifo", [log]),
      "hard link": async () => {
        await writeFile(below("artifacts/report"), "mine");
        await linkFile(below("artifacts/report"), log);
      },
      directory: () => mkdir(join(log, "x"), { recursive: true }),
      nothing: async () => undefined,
    };
    for (const [what, put] of Object.entries(replace)) {
      const first = await volume.openTask(workspaceId, taskId, UID);
      await first.leave();
      await rm(log);
      await put();
      const second = await volume.openTask(workspaceId, taskId, UID, { keep: true });
      second.log.write("second\n");
      await second.leave();
      assert.equal(await readFile(log, "utf8"), "second\n", what);
      assert.ok((await lstat(log)).isFile(), what);
    }
    assert.equal(await readFile(join(outside, "precious"), "utf8"), "untouched");
    assert.equal(await readFile(below("artifacts/report"), "utf8"), "mine");
  });

  it("does not let an attempt that lost its task remove the next attempt's folder", async () => {
    await prepare();
    const taskId = randomUUID();
    const first = await volume.openTask(workspaceId, taskId, UID);
    await writeFile(below(first.scratchDir, "old"), "");
    const second = await open().openTask(workspaceId, taskId, UID);
    assert.deepEqual(await readdir(below(second.scratchDir)), []);
    await first.close();
    assert.ok((await stat(below(second.scratchDir))).isDirectory());
    await second.close();
    assert.deepEqual(await readdir(below("tasks")), []);
  });

  it("takes a folder of many files away at once and removes it afterwards, also what a crash left of that", async () => {
    await prepare();
    const task = await volume.openTask(workspaceId, randomUUID(), UID);
    execFileSync("sh", ["-c", "seq 20000 | xargs touch"], { cwd: below(task.scratchDir) });
    const trash = join(rootDir, ".automatos", workspaceId, "trash");
    const removed: string[] = [];
    const closing = new WorkspaceVolume({
      rootDir,
      locks: new InMemoryRepositoryLocks(),
      logger,
      onRemoved: (id) => removed.push(id),
    });
    await task.close();
    assert.deepEqual(await readdir(below("tasks")), []);
    assert.equal((await readdir(trash)).length, 1, "it is not waited for");
    await volume.close();
    assert.deepEqual(await readdir(trash), []);

    await mkdir(join(trash, "of-a-crash/deeper"), { recursive: true });
    await closing.recover(async () => false);
    await closing.close();
    assert.deepEqual(await readdir(trash), []);
    assert.deepEqual(removed, [workspaceId]);
  });

  it("removes half a clone with the last task of the workspace", async () => {
    await prepare();
    const tasks = await Promise.all([1, 2].map(() => volume.openTask(workspaceId, randomUUID(), UID)));
    await mkdir(below("repos/.clone-0123456789ab-app"));
    await tasks[0]?.close();
    assert.equal((await readdir(below("repos"))).length, 1);
    await tasks[1]?.close();
    assert.deepEqual(await readdir(below("repos")), []);
  });

  it("removes a folder in which an agent laid traps, and only that", async () => {
    await prepare();
    const task = await volume.openTask(workspaceId, randomUUID(), UID);
    await symlink(outside, below(task.scratchDir, "link"));
    await symlink("/etc/passwd", below(task.scratchDir, "file-link"));
    execFileSync("mkfifo", [below(task.scratchDir, "fifo")]);
    await mkdir(below(task.scratchDir, "a\nb/-rf"), { recursive: true });
    execFileSync(
      "sh",
      [
        "-c",
        "i=0; while [ $i -lt 300 ]; do mkdir deep && cd deep || exit 1; i=$((i+1)); done; touch file; chmod 000 .",
      ],
      {
        cwd: below(task.scratchDir),
      },
    );
    await task.close();
    await volume.close();
    assert.deepEqual(await readdir(below("tasks")), []);
    assert.deepEqual(await readdir(join(rootDir, ".automatos", workspaceId, "trash")), []);
    assert.equal(await readFile(join(outside, "precious"), "utf8"), "untouched");
  });

  it("follows no link when the folder of tasks was replaced while one ran", async () => {
    await prepare();
    const taskId = randomUUID();
    const task = await volume.openTask(workspaceId, taskId, UID);
    await mkdir(join(outside, `task_${taskId}`));
    await rename(below("tasks"), below("moved"));
    await symlink(outside, below("tasks"));
    await task.close();
    assert.deepEqual((await readdir(outside)).sort(), ["precious", `task_${taskId}`]);
  });

  it("removes what a crash left of tasks that nobody runs, and nothing of those that run", async () => {
    await prepare();
    const [dead, running] = [randomUUID(), randomUUID()];
    await volume.openTask(workspaceId, dead, UID);
    await writeFile(below(".gitconfig"), "secret");
    await mkdir(below("tasks/of-an-agent"));
    const restarted = open();
    await volume.openTask(workspaceId, running, UID);
    assert.deepEqual(await restarted.recover(async (id) => id === running), { workspaces: 1, removedTasks: [dead] });
    assert.deepEqual((await readdir(below("tasks"))).sort(), ["of-an-agent", `task_${running}`]);
    assert.ok((await readdir(below())).includes(".gitconfig"));
    assert.deepEqual((await restarted.recover(async () => false)).removedTasks, [running]);
    assert.deepEqual(await readdir(below("tasks")), ["of-an-agent"]);
    assert.ok(!(await readdir(below())).includes(".gitconfig"));
    assert.deepEqual((await restarted.recover(async () => false)).removedTasks, []);
  });

  it("goes on with the other workspaces when one cannot be cleaned up", async () => {
    await prepare();
    const dead = randomUUID();
    await volume.openTask(workspaceId, dead, UID);
    await writeFile(join(rootDir, randomUUID()), "a file where a workspace should be");
    const report = await volume.recover(async () => false);
    assert.deepEqual(report.removedTasks, [dead]);
  });
});

describe("TaskLog", () => {
  it("is cut at its limit, with a marker, and never fails", async () => {
    const folder = await mkdtemp(join(tmpdir(), "log-"));
    const { open } = await import("node:fs/promises");
    const path = join(folder, "log");
    const log = new TaskLog(await open(path, "a"), { onError: (error) => assert.fail(error), maxBytes: 10 });
    for (const text of ["12345", "67890", "x", "y"]) log.write(text);
    await log.end();
    await log.end();
    assert.equal(await readFile(path, "utf8"), "1234567890\n[the log was cut here]\n");

    const errors: Error[] = [];
    const full = new TaskLog(await open("/dev/full", "a"), { onError: (error) => errors.push(error) });
    full.write("lost");
    await full.end();
    full.write("lost too");
    assert.equal(errors.length, 1);
    await rm(folder, { recursive: true });
  });
});
