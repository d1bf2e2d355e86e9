import { mkdir } from "node:fs/promises";
import type { QuotaSetting } from "../../../contracts/workspace-quota.ts";
import type { Logger } from "../../runtime/logger.ts";
import { VolumeContents } from "../../workspace/contents/volume-contents.ts";
import type { WorkspaceContents } from "../../workspace/contents/workspace-contents.ts";
import { PostgresRepositoryLocks } from "../../workspace/postgres-repository-locks.ts";
import { Repositories } from "../../workspace/repositories.ts";
import { createUsageMeter } from "../../workspace/usage/create-usage-meter.ts";
import { WorkerContents, type WorkerContentsDeps } from "./worker-contents.ts";

export interface OpenContentsDeps extends WorkerContentsDeps {
  /** Folder of all workspaces; undefined where the API has it not. */
  readonly rootDir: string | undefined;
  readonly quota: QuotaSetting;
  readonly databaseUrl: string;
  /** Whether a task is running now. */
  readonly isLive: (taskId: string) => Promise<boolean>;
  readonly log: Logger;
}

/** The contents of workspaces, on the volume itself or through a worker. `close` ends what that needs. */
export async function openContents(
  deps: OpenContentsDeps,
): Promise<{ readonly contents: WorkspaceContents; close(): Promise<void> }> {
  const { rootDir, quota: setting, databaseUrl, isLive, log: logger } = deps;
  if (rootDir === undefined) {
    logger.info({ event: "contents_by_workers" }, "no folder of workspaces here: workers are asked for what they hold");
    return { contents: new WorkerContents(deps), close: async () => undefined };
  }
  await mkdir(rootDir, { recursive: true, mode: 0o711 });
  const meter = await createUsageMeter({ rootDir, setting, logger, readOnly: true });
  const locks = new PostgresRepositoryLocks({ connectionString: databaseUrl, logger });
  const repositories = new Repositories({ rootDir, locks, meter, isLive, logger });
  return {
    contents: new VolumeContents({ rootDir, repositories, meter }),
    async close() {
      await meter.close();
      await locks.close();
    },
  };
}
