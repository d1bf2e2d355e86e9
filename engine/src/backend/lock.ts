/** One operation at a time on a stack: Pulumi's locks, with enough in them to tell whether the holder still lives. */
import { randomUUID } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import type { BlobStore } from "./blobs/blob-store.ts";
import { StackLockedError } from "./errors.ts";

interface LockContent {
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
  readonly timestamp: string;
  /** Beyond what Pulumi writes: the process table that `pid` is a number in. */
  readonly processTable?: string;
}

/** One who holds a stack's lock, or may: nothing proves that it is gone. */
export interface LockHolder {
  readonly key: string;
  /** Undefined where what the key holds cannot be read. */
  readonly lock:
    | { readonly pid: number; readonly username: string; readonly hostname: string; readonly timestamp: string }
    | undefined;
}

export interface StackLock {
  release(): Promise<void>;
  /** For a process that ends at once: does not wait where that is possible. */
  releaseNow(): Promise<void> | void;
  /** Whether it is still there: `pulumi cancel` removes it under the hands of who holds it. */
  isHeld(): Promise<boolean>;
}

/**
 * Takes the lock of a stack. A lock whose process is provably gone (killed, or the machine restarted) is removed.
 * @param folder Of the stack's locks (`StackKeys.locks`).
 * @param warn Told of each lock that was removed.
 * @throws StackLockedError with each holder's name.
 */
export async function lockStack(blobs: BlobStore, folder: string, warn: (message: string) => void): Promise<StackLock> {
  const own = `${folder}/${randomUUID()}.json`;
  await refuseOthers(blobs, folder, own, warn);
  const content: LockContent = {
    pid: process.pid,
    username: userName(),
    hostname: hostname(),
    timestamp: new Date().toISOString(),
    processTable: await processTable(),
  };
  await blobs.replace(own, JSON.stringify(content));
  try {
    // two that start together both see the other's lock here: then neither goes on, as with Pulumi
    await refuseOthers(blobs, folder, own, warn);
  } catch (error) {
    await blobs.remove(own);
    throw error;
  }
  return {
    release: () => blobs.remove(own),
    releaseNow: () => (blobs.removeNow === undefined ? blobs.remove(own) : blobs.removeNow(own)),
    isHeld: async () => (await blobs.read(own)) !== undefined,
  };
}

/** Removes every lock of a stack, whoever holds it: `pulumi cancel`. Returns how many there were. */
export async function breakLocks(blobs: BlobStore, folder: string): Promise<number> {
  const keys = await lockKeys(blobs, folder);
  await Promise.all(keys.map((key) => blobs.remove(key)));
  return keys.length;
}

/** Whether an operation holds the stack now, or left its lock behind. */
export async function isLocked(blobs: BlobStore, folder: string): Promise<boolean> {
  return (await lockKeys(blobs, folder)).length > 0;
}

/**
 * Who holds a stack's lock. A lock whose process is provably gone is removed.
 * @param onRemoved Told of each lock that was removed.
 */
export async function findHolders(
  blobs: BlobStore,
  folder: string,
  onRemoved: (gone: LockHolder) => void,
): Promise<LockHolder[]> {
  const holders: LockHolder[] = [];
  for (const key of await lockKeys(blobs, folder)) {
    const text = await blobs.read(key);
    if (text === undefined) continue; // released meanwhile
    const lock = parseLock(text);
    if (lock !== undefined && (await isGone(lock))) {
      await blobs.remove(key);
      onRemoved({ key, lock });
    } else holders.push({ key, lock });
  }
  return holders;
}

async function refuseOthers(
  blobs: BlobStore,
  folder: string,
  own: string,
  warn: (message: string) => void,
): Promise<void> {
  const describe = (holder: LockHolder): string => `${blobs.locate(holder.key)}: ${whoHolds(holder)}`;
  const holders = await findHolders(blobs, folder, (gone) => {
    warn(`the process that held the stack's lock is gone; the lock was removed\n  ${describe(gone)}`);
  });
  const others = holders.filter(({ key }) => key !== own);
  if (others.length > 0) throw new StackLockedError(others.map(describe));
}

function whoHolds({ lock }: LockHolder): string {
  if (lock === undefined) return "unreadable";
  return `created by ${lock.username}@${lock.hostname} (pid ${lock.pid}) at ${lock.timestamp}`;
}

async function lockKeys(blobs: BlobStore, folder: string): Promise<string[]> {
  return (await blobs.list(folder)).filter((key) => key.endsWith(".json"));
}

function parseLock(text: string): LockContent | undefined {
  try {
    const lock = JSON.parse(text) as Partial<LockContent> | null;
    return typeof lock?.pid === "number" && typeof lock.hostname === "string" ? (lock as LockContent) : undefined;
  } catch {
    return undefined;
  }
}

/** Only what can be proved: another host's process, or one of another process table, counts as alive. */
async function isGone(lock: LockContent): Promise<boolean> {
  if (lock.hostname !== hostname()) return false;
  const table = await processTable();
  if (lock.processTable !== undefined && lock.processTable !== table)
    // after a restart of the machine none of its processes are left; another container's may well be
    return bootOf(lock.processTable) !== bootOf(table);
  if (!isAlive(lock.pid) || (await isZombie(lock.pid))) return true;
  const started = await startOf(lock.pid);
  return started !== undefined && started > Date.parse(lock.timestamp) + 2_000; // the number was given out again
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** Whether only the remains of a process are left, as in a container whose first process reaps nobody. */
async function isZombie(pid: number): Promise<boolean> {
  const fields = await statOf(pid);
  return fields?.[0] === "Z" && Number(fields[17]) <= 1; // with threads left it is still at work
}

/** `<boot id>/<pid namespace>` on Linux; empty elsewhere. */
async function processTable(): Promise<string> {
  try {
    const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    return `${boot}/${await readlink("/proc/self/ns/pid")}`;
  } catch {
    return "";
  }
}

function bootOf(table: string): string | undefined {
  return table.split("/")[0];
}

/** The fields of /proc/<pid>/stat from the state on; undefined where there are none. */
async function statOf(pid: number): Promise<string[] | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" "); // the command before may hold spaces and parentheses
}

/** When a process began, in milliseconds since 1970; undefined where /proc does not tell. */
async function startOf(pid: number): Promise<number | undefined> {
  const fields = await statOf(pid);
  const system = await readFile("/proc/stat", "utf8").catch(() => "");
  const boot = /^btime (\d+)$/m.exec(system)?.[1];
  const ticksPerSecond = 100; // USER_HZ, the same on every Linux that Node runs on
  return boot === undefined || fields === undefined
    ? undefined
    : (Number(boot) + Number(fields[19]) / ticksPerSecond) * 1_000;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}
