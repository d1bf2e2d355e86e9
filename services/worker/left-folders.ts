import type { Pool } from "../runtime/database.ts";
import type { NotificationListener } from "../runtime/listener.ts";
import type { Logger } from "../runtime/logger.ts";
import type { WorkspaceVolume } from "../workspace/workspace-volume.ts";

/** Whether a worker runs the task now. */
export async function isRunning(pool: Pool, taskId: string): Promise<boolean> {
  const { rowCount } = await pool.query("SELECT 1 FROM leases WHERE task_id = $1 AND expires_at > now()", [taskId]);
  return (rowCount ?? 0) > 0;
}

/** Whether the task goes on later with the files that it has: it has not ended, and it has a checkpoint. */
export async function isKept(pool: Pool, taskId: string): Promise<boolean> {
  const { rowCount } = await pool.query("SELECT 1 FROM task_checkpoints WHERE task_id = $1", [taskId]);
  return (rowCount ?? 0) > 0;
}

/**
 * Removes the folders of tasks that end while they are paused, such as one that is cancelled: nobody runs them who could
 * do it himself. What ended while no worker was there is removed at the next start.
 *
 * @returns What ends it.
 */
export function watchLeftFolders(deps: {
  readonly pool: Pool;
  readonly listener: NotificationListener;
  readonly volume: Pick<WorkspaceVolume, "removeEnded">;
  readonly log: Logger;
}): () => void {
  const { pool, listener, volume, log } = deps;
  const remove = async (workspaceId: string, taskId: string): Promise<void> => {
    await volume
      .removeEnded(workspaceId, taskId, (id) => isRunning(pool, id))
      .catch((error: unknown) => {
        log.warn({ event: "task_folder_left", workspaceId, taskId, err: error }, "task folder is removed later");
      });
  };
  const removeMissed = async (): Promise<void> => {
    for (const { workspaceId, taskId } of await endedWhilePaused(pool)) await remove(workspaceId, taskId);
  };
  const stops = [
    listener.subscribe("automatos_left", (payload) => {
      const [workspaceId = "", taskId = ""] = payload.split(" ");
      void remove(workspaceId, taskId);
    }),
    listener.onReconnect(() => {
      removeMissed().catch((error: unknown) => {
        log.warn({ event: "task_folders_left", err: error }, "folders of ended tasks are removed later");
      });
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Those of the last hour: longer than a connection that listens is away. */
async function endedWhilePaused(pool: Pool): Promise<{ workspaceId: string; taskId: string }[]> {
  const { rows } = await pool.query<{ workspaceId: string; taskId: string }>(
    `SELECT t.workspace_id AS "workspaceId", t.id AS "taskId"
     FROM task_approvals a JOIN task_executions t ON t.id = a.task_id
     WHERE a.decision = 'withdrawn' AND a.decided_at > now() - interval '1 hour'`,
  );
  return rows;
}
