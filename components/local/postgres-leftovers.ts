import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { stopProcess } from "./daemon.ts";
import { identityOf, isRunning, type ProcessIdentity, startTimeOf } from "./process-table.ts";

/** The server and its children that work on a data folder. PostgreSQL's processes stay in that folder all their life. */
function processesIn(dataDir: string): ProcessIdentity[] {
  const folder = statSync(dataDir);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const cwd = statOfCwd(name);
      return cwd?.ino === folder.ino && cwd.dev === folder.dev ? (identityOf(Number(name)) ?? []) : [];
    });
}

function statOfCwd(pid: string) {
  try {
    return statSync(`/proc/${pid}/cwd`, { throwIfNoEntry: false });
  } catch {
    return undefined; // another user's process, which is none of ours
  }
}

/** The process that a lock file names, as far as it runs. */
function lockHolder(lockFile: string): number | undefined {
  try {
    const pid = Number(readFileSync(lockFile, "utf8").split("\n")[0]);
    return startTimeOf(pid) === undefined ? undefined : pid;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Clears the way for a new server on a data folder: ends one that nobody keeps a record of, waits for what is left of a
 * killed one, and removes its lock file when the number in it now belongs to another program. (PostgreSQL takes over a
 * lock whose number is unused, and refuses one whose number is used by anything.) Its log is replayed at the start.
 */
export async function clearKilledServer(dataDir: string): Promise<void> {
  const lockFile = join(dataDir, "postmaster.pid");
  const holder = lockHolder(lockFile);
  if (process.platform !== "linux") return; // there, only the server itself can tell
  const leftovers = processesIn(dataDir);
  const server = leftovers.find(({ pid }) => pid === holder);
  const GRACE_SECONDS = 30;
  if (server !== undefined) await stopProcess(server, { signal: "SIGINT", graceSeconds: GRACE_SECONDS });
  for (const process of leftovers.filter(isRunning)) await stopProcess(process, { signal: "SIGQUIT", graceSeconds: 5 });
  if (server === undefined && holder !== undefined) rmSync(lockFile, { force: true });
}
