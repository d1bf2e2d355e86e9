import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { BackupConfig, type BackupRun } from "../../../../contracts/backup.ts";
import { DEFAULT_PLAN_LIMITS } from "../../../../contracts/plan.ts";
import { createPool, type Pool } from "../../../../services/runtime/database.ts";
import { BackupLeases, type RunOutcome } from "../../../../services/workspace/backup/backup-leases.ts";
import { BackupStore } from "../../../../services/workspace/backup/backup-store.ts";
import { BackupWorker, type BackupWorkerDeps } from "../../../../services/workspace/backup/backup-worker.ts";
import { BackupProgramMissingError } from "../../../../services/workspace/backup/errors.ts";
import { RestoredTrees } from "../../../../services/workspace/backup/restored-trees.ts";
import { STAGED, swapTree } from "../../../../services/workspace/backup/tree-swap.ts";
import { InMemoryRepositoryLocks } from "../../../../services/workspace/repository-locks.ts";
import { ServiceRecords } from "../../../../services/workspace/service-records.ts";
import { WorkspaceStore } from "../../../../services/workspace/workspace-store.ts";
import { WorkspaceVolume } from "../../../../services/workspace/workspace-volume.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

const COUNTS = { files: 1, directories: 1, links: 0, others: 0, bytes: 3 };
const comparison = { ...COUNTS, different: 0, missing: 0, extra: 0, changedMeanwhile: 0, examples: [] };
const config = BackupConfig.parse({ endpoint: "http://127.0.0.1:9000", bucket: "backups", schedule: null });

type Doing = (run: BackupRun) => Promise<RunOutcome>;

describe(
  "a worker that does backups, and its record",
  { skip: process.getuid?.() === 0 ? false : "needs root" },
  () => {
    let postgres: TestPostgres;
    let pool: Pool;
    let store: BackupStore;
    let rootDir: string;
    let records: ServiceRecords;
    let workspaceId: string;
    const locks = new InMemoryRepositoryLocks();
    const leases = (workerId: string, leaseSeconds = 2) => new BackupLeases({ pool, workerId, leaseSeconds });
    const dir = () => path.join(rootDir, workspaceId);
    const staged = () => records.file(workspaceId, STAGED);
    const content = () => readFile(path.join(dir(), "file"), "utf8");

    before(async () => {
      postgres = await startPostgres();
      const { url } = await migratedDatabase(postgres);
      pool = createPool({ url, applicationName: "test-backups", log: silentLog });
      store = new BackupStore({ pool, isConfigured: true });
      rootDir = await mkdtemp(path.join(tmpdir(), "automatos-backup-worker-"));
      records = new ServiceRecords(rootDir);
    });
    after(async () => {
      await pool.end();
      await postgres.stop();
      await rm(rootDir, { recursive: true, force: true });
    });
    beforeEach(async () => {
      await pool.query("DELETE FROM workspace_backups");
      workspaceId = randomUUID();
      await new WorkspaceStore({ pool }).create({ workspaceId, name: "backed up" });
      for (const [folder, text] of [
        [dir(), "old"],
        [staged(), "new"],
      ] as const) {
        await mkdir(folder, { recursive: true });
        await writeFile(path.join(folder, "file"), text);
      }
    });

    function start(configured: BackupWorkerDeps["configured"]): BackupWorker {
      const workspaces = new WorkspaceStore({ pool });
      const volume = new WorkspaceVolume({ rootDir, locks, logger: silentLog });
      const usage = { refreshInBackground: () => undefined };
      const worker = new BackupWorker({
        pool,
        listener: { subscribe: () => () => undefined },
        leases: leases("worker"),
        trees: new RestoredTrees({ rootDir, locks, volume, usage, workspaces, planLimits: DEFAULT_PLAN_LIMITS }),
        leaseSeconds: 2,
        holder: "worker",
        configured,
        log: silentLog,
      });
      worker.start();
      return worker;
    }
    const doing = (work: Doing): BackupWorkerDeps["configured"] => ({
      config,
      doer: { do: async ({ run }) => work(run), forget: async () => undefined },
    });
    /** The run when it has come to one of these states after a try. */
    const until = async ({ runId }: BackupRun, ...states: string[]): Promise<BackupRun> => {
      for (;;) {
        const run = await store.get(workspaceId, runId).catch(() => undefined); // the server may be away
        if (run !== undefined && run.attempt > 0 && states.includes(run.state)) return run;
        await delay(50);
      }
    };
    /** Does what a doer does, until the run has come to one of the states. */
    const outcomeOf = async (run: BackupRun, work: Doing, ...states: string[]): Promise<BackupRun> => {
      const worker = start(doing(work));
      try {
        return await until(run, ...states);
      } finally {
        await worker.close();
      }
    };
    /** A backup that can be restored, and the restore that is asked for. */
    const askRestore = async (): Promise<BackupRun> => {
      await store.requestBackup(workspaceId, {}, "test");
      const claimed = await leases("before").claim();
      assert.ok(claimed !== undefined && (await leases("before").succeed(claimed, { snapshotId: "abcdef12" })));
      return store.requestRestore(workspaceId, {}, "test");
    };
    const swap = async ({ runId }: BackupRun): Promise<RunOutcome> => {
      await swapTree({ rootDir, locks, workspaceId }, { runId, comparison }, async () => true);
      return { comparison };
    };
    /** As the server's restart does. */
    const disconnect = () => pool.query("SELECT pg_terminate_backend(pg_backend_pid())");

    it("tries again what a database that was away has ended", async () => {
      const asked = await store.requestBackup(workspaceId, {}, "test");
      const run = await outcomeOf(asked, () => disconnect().then(() => ({})), "pending", "failed");
      assert.equal(run.state, "pending");
      assert.equal(run.error?.code, "BACKUP_RECORD_UNREACHABLE");
    });

    it("tells nobody the text of what was not foreseen", async () => {
      const asked = await store.requestBackup(workspaceId, {}, "test");
      const run = await outcomeOf(asked, () => Promise.reject(new Error("at 10.0.0.7: secret")), "failed");
      assert.equal(run.error?.code, "BACKUP_PROGRAM_FAILED");
      assert.doesNotMatch(JSON.stringify(run), /secret/);
    });

    it("records a backup whose connection is lost while it is recorded", async () => {
      const asked = await store.requestBackup(workspaceId, {}, "test");
      let cut = Promise.resolve();
      const made: Doing = async () => {
        const holding = await pool.connect();
        await holding.query("BEGIN");
        await holding.query("SELECT FROM workspace_backups FOR UPDATE");
        cut = (async () => {
          const waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
          while ((await pool.query(waiting)).rowCount === 0) await delay(20);
          await holding.query("ROLLBACK");
          holding.release();
        })();
        return { snapshotId: "abcdef34" };
      };
      const run = await outcomeOf(asked, made, "succeeded", "failed");
      await cut;
      assert.deepEqual([run.state, run.snapshotId, run.attempt], ["succeeded", "abcdef34", 1]);
    });

    it("records nothing but success once the files have been replaced", async () => {
      const asked = await askRestore();
      const cut: Doing = async (run) => {
        await swap(run);
        await writeFile(path.join(dir(), "file"), "worked with");
        throw new Error("not foreseen");
      };
      const run = await outcomeOf(asked, cut, "succeeded", "failed", "pending");
      assert.deepEqual([run.state, run.comparison?.files], ["succeeded", 1]);
      assert.equal(await content(), "worked with", "not restored a second time");
    });

    for (const [who, configured] of [
      ["has no backups configured", undefined],
      ["has no restic", { problem: new BackupProgramMissingError("restic") }],
      ["comes after too many others", doing(() => Promise.reject(new Error("not asked")))],
    ] as const) {
      it(`ends a swap that was cut off between its renames as one that ${who}`, async () => {
        const asked = await askRestore();
        await records.write(workspaceId, ["restore-swap.json"], { runId: asked.runId, comparison });
        await rename(dir(), `${dir()}.gone`);
        await pool.query("UPDATE workspace_backups SET attempt = 9, due_at = now() - interval '1 hour' WHERE id = $1", [
          asked.runId,
        ]);
        const worker = start(configured);
        const run = await until(asked, "succeeded", "failed");
        await worker.close();
        assert.equal(run.state, "succeeded", JSON.stringify(run.error));
        assert.equal(await content(), "new");
      });
    }

    it("knows by the database's clock alone whether tasks have run since its claim", async (test) => {
      for (const hours of [-1, 1]) {
        test.mock.timers.enable({ apis: ["Date"], now: Date.now() + hours * 3_600_000 });
        await store.requestBackup(workspaceId, {}, "test");
        await endTask();
        const claimed = await leases("worker").claim();
        assert.ok(claimed !== undefined);
        assert.equal(await leases("worker").tasksRanSince(claimed), false, "ended before");
        await endTask();
        assert.equal(await leases("worker").tasksRanSince(claimed), true, "ended since");
        await leases("worker").succeed(claimed, { snapshotId: "abcdef56" });
        test.mock.timers.reset();
      }
    });

    async function endTask(): Promise<void> {
      const taskId = randomUUID();
      await pool.query(
        `INSERT INTO task_executions (id, workspace_id, task_type, agent_id, prompt, configuration, fingerprint, priority,
         runner_backend, timeout_seconds, max_retries, resources_requested)
       VALUES ($1, $2, 'background_job', 'a', '', '{}', '', 'normal', 'queued', 1, 0, '{}')`,
        [taskId, workspaceId],
      );
      for (const state of ["queued", "running", "completed"]) {
        await pool.query(
          "UPDATE task_executions SET status = $2, started_at = coalesce(started_at, now()) WHERE id = $1",
          [taskId, state],
        );
      }
    }
  },
);
