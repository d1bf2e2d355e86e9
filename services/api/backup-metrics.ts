import { Gauge, type Registry } from "prom-client";
import type { Queryable } from "../runtime/database.ts";

interface Row {
  readonly workspace: string;
  readonly ageSeconds: number | null;
  readonly failures: number;
}

/** Of the newest backup of each workspace that has one or should have one, read from the record at each scrape. */
export function measureBackups(registry: Registry, database: Queryable): void {
  const labelNames = ["workspace"] as const;
  const registers = [registry];
  new Gauge({
    name: "automatos_workspace_backup_failures",
    help: "Backups and checks of a workspace that have failed since its last backup.",
    labelNames,
    registers,
    async collect() {
      const rows = await readAges(database);
      this.reset();
      for (const { workspace, failures } of rows) this.set({ workspace }, failures);
    },
  });
  new Gauge({
    name: "automatos_workspace_backup_age_seconds",
    help:
      "Seconds since a workspace's last backup was begun, since it was created where it has none. Workspaces that are " +
      "left out of the schedule are left out here.",
    labelNames,
    registers,
    async collect() {
      const rows = await readAges(database);
      this.reset();
      for (const { workspace, ageSeconds } of rows) if (ageSeconds !== null) this.set({ workspace }, ageSeconds);
    },
  });
}

async function readAges(database: Queryable): Promise<Row[]> {
  const { rows } = await database.query<Row>(
    `SELECT w.id AS workspace, failed.count AS failures,
       CASE WHEN coalesce(p.scheduled, true)
         THEN extract(epoch FROM now() - coalesce(newest.started_at, w.created_at))::float8 END AS "ageSeconds"
     FROM workspaces w LEFT JOIN workspace_backup_plans p ON p.workspace_id = w.id
     LEFT JOIN LATERAL (SELECT b.started_at FROM workspace_backups b
       WHERE b.workspace_id = w.id AND b.kind = 'backup' AND b.state = 'succeeded'
       ORDER BY b.requested_at DESC LIMIT 1) newest ON true
     CROSS JOIN LATERAL (SELECT count(*)::int AS count FROM workspace_backups b
       WHERE b.workspace_id = w.id AND b.kind <> 'restore' AND b.state = 'failed'
         AND b.requested_at > coalesce(newest.started_at, '-infinity')) failed`,
  );
  return rows;
}
