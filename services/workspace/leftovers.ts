import { removeHomeLinks, type HomeLinksDeps } from "./credentials/home-links.ts";
import { SafeFs } from "./safe-fs.ts";
import type { ServiceRecords } from "./service-records.ts";
import { taskOfFolder } from "./task-folder.ts";

/** Written for a task from the credential store. */
const CREDENTIALS = [".ssh", ".gitconfig"] as const;
/** Half-made clones and dropped repositories, as repositories.ts names them. */
export const UNFINISHED = /^\.(clone|dropped)-[0-9a-f]{12}-/;
/** More names than this in one folder are nobody's left-overs. */
const MAX_ENTRIES = 100_000;

/** Removes a path of the workspace, out of sight at once. */
export type Discard = (path: string) => Promise<void>;

/** Removes what leads to tasks' credentials; no task of the workspace runs. */
export async function removeCredentials(files: SafeFs, home: HomeLinksDeps): Promise<void> {
  for (const path of CREDENTIALS) await files.remove(path);
  await removeHomeLinks(home);
}

/** Removes clones that were never finished and repositories that were dropped; nobody may be making one. */
export async function removeUnfinished(files: SafeFs, discard: Discard): Promise<void> {
  for (const name of await namesIn(files, "repos")) {
    if (UNFINISHED.test(name)) await discard(`repos/${name}`);
  }
}

/**
 * Removes what a crash left in one workspace. The caller holds the workspace's lock; so does whoever opens a task's
 * folder, after the record has the task running: a folder of a task that is not live has nobody who is about to use it.
 *
 * @returns The tasks whose folders were removed.
 */
export async function removeLeftovers(deps: {
  readonly workspaceDir: string;
  readonly workspaceId: string;
  readonly records: ServiceRecords;
  readonly discard: Discard;
  readonly isLive: (taskId: string) => Promise<boolean>;
  /** Whether a task that does not run at present goes on later with the files it has. */
  readonly isKept: (taskId: string) => Promise<boolean>;
}): Promise<string[]> {
  const { workspaceId, records } = deps;
  const files = new SafeFs(deps.workspaceDir);
  const folders = await namesIn(files, "tasks");
  const recorded = (await records.names(workspaceId, ["tasks"])).map((name) => name.replace(/\.json$/, ""));
  const taskIds = new Set([...folders.map(taskOfFolder).filter((id) => id !== undefined), ...recorded]);

  const live = new Set<string>();
  const removed: string[] = [];
  for (const taskId of taskIds) {
    if (await deps.isLive(taskId)) {
      live.add(taskId);
      continue;
    }
    if (await deps.isKept(taskId)) continue;
    await deps.discard(`tasks/task_${taskId}`);
    await records.remove(workspaceId, ["tasks", `${taskId}.json`]);
    removed.push(taskId);
  }
  if (live.size > 0) return removed;
  await removeCredentials(files, deps);
  await removeUnfinished(files, deps.discard);
  return removed;
}

async function namesIn(files: SafeFs, path: string): Promise<string[]> {
  try {
    const { entries } = await files.list(path, { maxEntries: MAX_ENTRIES });
    return entries.map((entry) => entry.path.slice(path.length + 1));
  } catch {
    return []; // not there, or something else in its place: prepare() sees to that
  }
}
