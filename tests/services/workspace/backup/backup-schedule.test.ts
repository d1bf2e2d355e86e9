import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { BackupConfig } from "../../../../contracts/backup.ts";
import { createPool, type Pool } from "../../../../services/runtime/database.ts";
import { nextTime, requestDueBackups } from "../../../../services/workspace/backup/backup-schedule.ts";
import { BackupLeases } from "../../../../services/workspace/backup/backup-leases.ts";
import { BackupStore } from "../../../../services/workspace/backup/backup-store.ts";
import { WorkspaceStore } from "../../../../services/workspace/workspace-store.ts";
import { migratedDatabase, silentLog } from "../../../support/database.ts";
import { startPostgres, type TestPostgres } from "../../../support/postgres.ts";

const STORE = { endpoint: "http://127.0.0.1:9000", bucket: "backups" };

describe("the times of a workspace's backups", () => {
  it("are its own within the spread, after now, and the same whoever asks", () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.date({ min: new Date("2026-01-01"), max: new Date("2030-01-01"), noInvalidDate: true }),
        fc.integer({ min: 0, max: 1_440 }),
        (id, now, spreadMinutes) => {
          const config = { timeZone: "UTC", spreadMinutes };
          const next = nextTime("0 2 * * *", config, id, now);
          assert.ok(next !== null && next > now && next.getTime() - now.getTime() <= 86_400_000 + 1_000);
          const intoSpread = (next.getTime() - Date.UTC(1970, 0, 1, 2)) % 86_400_000;
          assert.ok(intoSpread < Math.max(1, spreadMinutes * 60_000));
          assert.deepEqual(nextTime("0 2 * * *", config, id, new Date(next.getTime() - 1)), next);
        },
      ),
    );
  });
});

describe("what is asked for in the record", () => {
  let postgres: TestPostgres;
  let pool: Pool;
  let store: BackupStore;
  let workspaceId: string;
  const leases = (workerId: string, leaseSeconds = 60) => new BackupLeases({ pool, workerId, leaseSeconds });
  const config = BackupConfig.parse({ ...STORE, spreadMinutes: 0 });
  const open = async () =>
    (await store.list(workspaceId, { limit: 50 })).items.map(({ kind, state }) => `${kind} ${state}`);
  const dueNow = () =>
    pool.query("UPDATE workspace_backup_plans SET next_backup_at = now() - interval '3 days', next_check_at = now()");

  before(async () => {
    postgres = await startPostgres();
    const { url } = await migratedDatabase(postgres);
    pool = createPool({ url, applicationName: "test-backups", log: silentLog });
    store = new BackupStore({ pool, isConfigured: true });
  });
  after(async () => {
    await pool.end();
    await postgres.stop();
  });
  beforeEach(async () => {
    await pool.query(
      "UPDATE workspace_backups SET state = 'failed', error = '{}', lease_token = NULL, finished_at = now() WHERE state IN ('pending', 'running')",
    );
    workspaceId = randomUUID();
    await new WorkspaceStore({ pool }).create({ workspaceId, name: "backed up" });
  });

  it("has each time once, makes up for missed ones once, and leaves out who has opted out", async () => {
    await requestDueBackups(pool, config);
    assert.deepEqual(await open(), [], "its first time has not come");
    await dueNow();
    await Promise.all([requestDueBackups(pool, config), requestDueBackups(pool, config)]);
    assert.deepEqual(await open(), ["backup pending"]);
    await requestDueBackups(pool, config);
    assert.deepEqual(await open(), ["backup pending"]);
    const other = workspaceId;
    await store.changeSettings(workspaceId, { scheduled: false });
    workspaceId = randomUUID();
    await new WorkspaceStore({ pool }).create({ workspaceId, name: "another" });
    await requestDueBackups(pool, config);
    await dueNow();
    await requestDueBackups(pool, config);
    assert.deepEqual(await open(), ["backup pending"]);
    workspaceId = other;
    assert.equal((await open()).length, 1);
  });

  it("finds times anew when the schedule changes", async () => {
    await requestDueBackups(pool, config);
    await dueNow();
    await requestDueBackups(pool, { ...config, schedule: "0 3 * * *" });
    assert.deepEqual(await open(), []);
    await requestDueBackups(pool, { ...config, schedule: null });
    await dueNow();
  });

  it("gives a run to one worker, and one run of a workspace at a time", async () => {
    const backup = await store.requestBackup(workspaceId, {}, "test");
    const claims = await Promise.all(Array.from({ length: 5 }, (_, index) => leases(`w${index}`).claim()));
    const [claimed, ...others] = claims.filter((claim) => claim !== undefined);
    assert.equal(others.length, 0);
    assert.ok(claimed?.run.runId === backup.runId);
    assert.ok(await leases("w").succeed(claimed, { snapshotId: "abcdef12" }));
    const check = await store.requestCheck(workspaceId, {}, "test");
    const again = await store.requestBackup(workspaceId, {}, "test");
    assert.notEqual(again.runId, backup.runId);
    const first = await leases("w1").claim();
    assert.ok(first !== undefined && [check.runId, again.runId].includes(first.run.runId));
    assert.equal(await leases("w2").claim(), undefined);
  });

  it("gives a lost worker's run to another, and takes nothing from the lost one", async () => {
    await store.requestBackup(workspaceId, {}, "test");
    const lost = await leases("lost", 0).claim();
    const taken = await leases("next").claim();
    assert.ok(lost !== undefined && taken !== undefined);
    assert.equal(taken.run.attempt, 2);
    assert.equal(await leases("lost").keep(lost), false);
    assert.equal(await leases("lost").succeed(lost, { snapshotId: "lost" }), false);
    assert.equal(await leases("lost").fail(lost, { code: "A", message: "b", remedy: "c" }, { mayPass: false }), "lost");
    assert.equal(await leases("next").succeed(taken, { snapshotId: "0123" }), true);
    assert.equal((await store.get(workspaceId, taken.run.runId)).snapshotId, "0123");
    await leases("next").noteRemoved(taken.run, ["0123456789", "other"]);
    assert.equal((await store.get(workspaceId, taken.run.runId)).removedAt, null);
    await leases("next").noteRemoved(taken.run, ["other"]);
    assert.notEqual((await store.get(workspaceId, taken.run.runId)).removedAt, null);
    await assert.rejects(store.requestRestore(workspaceId, {}, "test"), { code: "NO_BACKUP" });
  });

  it("tries again what may pass, and no more than five times", async () => {
    const { runId } = await store.requestBackup(workspaceId, {}, "test");
    const error = { code: "BACKUP_STORE_UNREACHABLE", message: "away", remedy: "wait" };
    for (let attempt = 1; attempt <= 5; attempt++) {
      await pool.query("UPDATE workspace_backups SET due_at = now() WHERE id = $1 AND state = 'pending'", [runId]);
      const claimed = await leases("w").claim();
      assert.equal(claimed?.run.attempt, attempt);
      assert.equal(await leases("w").fail(claimed, error, { mayPass: true }), attempt < 5 ? "pending" : "failed");
      assert.equal(await leases("w").claim(), undefined, "not at once");
    }
    assert.deepEqual((await store.get(workspaceId, runId)).error, error);
  });

  it("says that backups are not configured", async () => {
    const none = new BackupStore({ pool, isConfigured: false });
    await assert.rejects(none.requestBackup(workspaceId, {}, "test"), { code: "BACKUP_NOT_CONFIGURED", status: 501 });
  });
});
