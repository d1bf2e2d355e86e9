import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describeProcess, identityOf, isRunning, type ProcessIdentity } from "./process-table.ts";

const POLL_MS = 50;

function ownerOf(lockFile: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(lockFile, "utf8")) as ProcessIdentity;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // written whole before it is linked: only a machine that stopped leaves it empty, and its processes are gone
    if (error instanceof SyntaxError) return { pid: 0, startTime: "" };
    throw error;
  }
}

/** Takes the lock if it is free or its holder is dead. */
function tryLock(lockFile: string): boolean {
  const draft = `${lockFile}.${process.pid}.draft`;
  writeFileSync(draft, JSON.stringify(identityOf(process.pid)), { mode: 0o600 });
  try {
    linkSync(draft, lockFile); // unlike open-then-write, the lock is never there without its owner's name
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    const owner = ownerOf(lockFile);
    if (owner !== undefined && !isRunning(owner)) rmSync(lockFile, { force: true });
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Runs `work` while no other process does so under the same file. It keeps a deployment from meeting what an earlier,
 * killed one still has under way. A holder that died loses the lock.
 *
 * @param onWait Told once of the first living holder that is waited for.
 * @throws Error when the holder lives and does not let go within `timeoutMs`.
 */
export async function withFileLock<Result>(
  lockFile: string,
  work: () => Promise<Result>,
  timeoutMs = 120_000,
  onWait?: (holder: ProcessIdentity) => void,
): Promise<Result> {
  mkdirSync(dirname(lockFile), { recursive: true, mode: 0o700 });
  const deadline = Date.now() + timeoutMs;
  let isTold = false;
  while (!tryLock(lockFile)) {
    const holder = isTold ? undefined : ownerOf(lockFile);
    if (holder !== undefined && isRunning(holder)) {
      isTold = true;
      onWait?.(holder);
    }
    if (Date.now() > deadline) {
      const owner = ownerOf(lockFile);
      const who = owner === undefined ? "another process" : describeProcess(owner.pid);
      throw new Error(`${lockFile} is held by ${who}; wait for it, or end it and try again`);
    }
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}
