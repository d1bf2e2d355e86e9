import { join } from "node:path";
import { type Daemon, findDaemon, PortTakenError, startDaemon, stopDaemon, waitUntil } from "./daemon.ts";
import { isOwnRecord, listRecords, readIdentity, runDir } from "./daemon-record.ts";
import { withFileLock } from "./file-lock.ts";
import { isPortFree } from "./ports.ts";
import { isRunning, type ProcessIdentity } from "./process-table.ts";

/** What is the matter with a daemon; everything but `running` is repaired by the next `up`. */
export type DaemonStatus = "running" | "stopped" | "unhealthy" | "moved";

const lockFile = (projectDir: string, name: string) => join(runDir(projectDir), `${name}.lock`);

/** One that lives may be busy, or wait for a database that was only just repaired. */
const PATIENCE_MS = 5_000;

/**
 * Has the daemon run as described, and gives its process: one that does so already is kept, be it from an earlier
 * deployment that was killed before it could say so; any other of that name is stopped first. Idempotent.
 *
 * @param known The process that the stack's state knows, for when its record is lost.
 */
export async function ensureDaemon(daemon: Daemon, known?: ProcessIdentity): Promise<ProcessIdentity> {
  const { projectDir, name } = daemon;
  return withFileLock(lockFile(projectDir, name), async () => {
    const found = await findDaemon(projectDir, name);
    if (
      found?.identity !== undefined &&
      found.record.fingerprint === daemon.fingerprint &&
      found.record.projectDir === projectDir &&
      (await waitUntil(daemon.isReady, PATIENCE_MS))
    ) {
      return found.identity;
    }
    await stopDaemon(projectDir, name, known);
    return startDaemon(daemon);
  });
}

/** Stops a daemon and what it started, and forgets it. Idempotent. */
export async function endDaemon(projectDir: string, name: string, known?: ProcessIdentity): Promise<void> {
  await withFileLock(lockFile(projectDir, name), async () => stopDaemon(projectDir, name, known));
}

/** How a daemon is doing now. */
export async function statusOf(
  projectDir: string,
  name: string,
  isReady: () => Promise<boolean>,
): Promise<DaemonStatus> {
  const found = await findDaemon(projectDir, name);
  const identity = found?.identity;
  if (identity === undefined) return "stopped";
  if (found?.record.projectDir !== projectDir) return "moved";
  const ATTEMPTS_MS = 1_000;
  const answers = await waitUntil(async () => !isRunning(identity) || (await isReady()), ATTEMPTS_MS);
  if (!isRunning(identity)) return "stopped";
  return answers ? "running" : "unhealthy";
}

/**
 * Says who has a daemon's port when it is neither free nor held by a daemon of this folder; `undefined`: all is well.
 * Asked before anything is started.
 */
export async function portConflict(
  projectDir: string,
  name: string,
  port: number,
  portKey: string,
  known?: ProcessIdentity,
): Promise<string | undefined> {
  if (await isPortFree(port)) return undefined;
  if (known !== undefined && isRunning(known)) return undefined;
  const own = listRecords(projectDir).some((record) => {
    const identity = readIdentity(projectDir, record.name);
    return record.port === port && identity !== undefined && isRunning(identity) && isOwnRecord(projectDir, record);
  });
  return own ? undefined : new PortTakenError(name, port, portKey).message;
}

/** Stops every daemon that was ever started from this folder; for when no stack's state knows of them. */
export async function endAllDaemons(projectDir: string): Promise<string[]> {
  const names = listRecords(projectDir).map((record) => record.name);
  // workers before the services that they use, and the database last
  names.sort((a, b) => stopRank(a) - stopRank(b));
  for (const name of names) await endDaemon(projectDir, name);
  return names;
}

function stopRank(name: string): number {
  const ORDER = ["worker", "gateway", "api", "postgres"];
  const rank = ORDER.findIndex((prefix) => name.startsWith(prefix));
  return rank === -1 ? 0 : rank;
}
