import type { Queryable } from "../../runtime/database.ts";

/** Lets tasks whose time has come wait for their turn. */
export async function releaseDelayed(database: Queryable): Promise<void> {
  await database.query(
    "UPDATE task_executions SET delayed = false WHERE status = 'queued' AND delayed AND not_before <= now()",
  );
}
