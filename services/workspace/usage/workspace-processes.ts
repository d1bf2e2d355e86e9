import { type BigIntStats } from "node:fs";
import { lstat, readdir, readFile, readlink, stat } from "node:fs/promises";
import { INSIDE } from "../../sandbox/inner-script.ts";
import { entryBytes } from "./tree-bytes.ts";

/** For how long a list of processes is believed, and where one is asked for that is fresh. */
const LISTED_MS = 1_000;
const FRESH_MS = 100;
const BATCH = 64;
/** Of one workspace at one look; a task that holds more is not looked through to its end. */
const MAX_FILES = 50_000;

/**
 * What the processes of a workspace hold and have written, as /proc tells: a file that was removed while it is open (or
 * mapped) takes its bytes on the disk until it is closed, and has no name by which a count could find it.
 *
 * Processes are known by the workspace's user. Where the service is not root, or owns the folder itself, all have the
 * same one: then by the folder that they see as theirs, or by the path of the file. What cannot be seen (descriptors
 * that are under way in a socket, processes that are closed to us) is not told.
 */
export class WorkspaceProcesses {
  /** By user, with the time when it began to be read. */
  #listed: { readonly at: number; readonly pids: Promise<ReadonlyMap<bigint, readonly string[]>> } | undefined;

  /**
   * Bytes on the disk of removed files that live on, each counted once. 0 where there is no /proc. What a process that
   * began in the last second holds is found when it must be `fresh`.
   */
  async heldBytes(dir: string, { fresh }: { readonly fresh: boolean }): Promise<number> {
    const folder = await statOf(dir);
    if (folder === undefined) return 0;
    const held = new Map<bigint, number>();
    let left = MAX_FILES;
    for (const pid of await this.#pidsOf(folder.uid, fresh ? FRESH_MS : LISTED_MS)) {
      const isKnown = !isShared(folder.uid) || (await sees(pid, folder));
      const paths = (await openFiles(pid)).slice(0, left);
      left -= paths.length;
      for (let from = 0; from < paths.length; from += BATCH) {
        await Promise.all(
          paths.slice(from, from + BATCH).map(async (path) => {
            const file = await statOf(path);
            // Memory files and what is removed of the system's own are on other devices, or another's.
            if (file?.nlink !== 0n || !file.isFile() || file.dev !== folder.dev || file.uid !== folder.uid) return;
            if (isKnown || (await readlink(path).catch(() => "")).startsWith(`${dir}/`)) {
              held.set(file.ino, entryBytes(Number(file.blocks) * 512));
            }
          }),
        );
      }
    }
    return [...held.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Bytes that the processes running now, and their children that have ended, have had written to any disk. */
  async writtenBytes(dir: string): Promise<number> {
    const folder = await statOf(dir);
    if (folder === undefined) return 0;
    let bytes = 0;
    for (const pid of await this.#pidsOf(folder.uid, FRESH_MS)) {
      if (isShared(folder.uid) && !(await sees(pid, folder))) continue;
      const io = await readFile(`/proc/${pid}/io`, "utf8").catch(() => "");
      const count = (name: string) => Number(new RegExp(`^${name}: ([0-9]+)$`, "m").exec(io)?.[1] ?? 0);
      bytes += count("write_bytes") - count("cancelled_write_bytes");
    }
    return Math.max(bytes, 0);
  }

  async #pidsOf(uid: bigint, maxAgeMs: number): Promise<readonly string[]> {
    const at = performance.now();
    if (this.#listed === undefined || at - this.#listed.at > maxAgeMs) this.#listed = { at, pids: listProcesses() };
    return (await this.#listed.pids).get(uid) ?? [];
  }
}

/** Whether every workspace's processes have this user, and the service's too. */
const isShared = (uid: bigint): boolean => uid === BigInt(process.getuid?.() ?? -1);

const statOf = (path: string): Promise<BigIntStats | undefined> => stat(path, { bigint: true }).catch(() => undefined);

/** Whether a process runs in a sandbox that has this folder as its workspace. */
async function sees(pid: string, { dev, ino }: BigIntStats): Promise<boolean> {
  const seen = await lstat(`/proc/${pid}/root${INSIDE.workspace}`, { bigint: true }).catch(() => undefined);
  return seen?.dev === dev && seen.ino === ino;
}

/** Processes by user. What a process says of itself in /proc's owner it can hide (prctl(2), PR_SET_DUMPABLE). */
async function listProcesses(): Promise<ReadonlyMap<bigint, readonly string[]>> {
  const found = new Map<bigint, string[]>();
  const names = (await readdir("/proc").catch(() => [])).filter((name) => /^[0-9]+$/.test(name));
  for (let from = 0; from < names.length; from += BATCH) {
    await Promise.all(
      names.slice(from, from + BATCH).map(async (pid) => {
        const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
        const uid = /^Uid:\t([0-9]+)/m.exec(status)?.[1];
        if (uid === undefined) return;
        const pids = found.get(BigInt(uid));
        if (pids === undefined) found.set(BigInt(uid), [pid]);
        else pids.push(pid);
      }),
    );
  }
  return found;
}

/** Paths of the files that a process has open, or has mapped and perhaps closed since. */
async function openFiles(pid: string): Promise<string[]> {
  const found: string[] = [];
  const tables = new Set<string>();
  for (const thread of await readdir(`/proc/${pid}/task`).catch(() => [])) {
    const folder = `/proc/${pid}/task/${thread}/fd`;
    const names = await readdir(folder).catch(() => []);
    // A thread can have descriptors of its own, but hardly ever has: then the numbers are the same.
    const table = names.join();
    if (tables.has(table)) continue;
    tables.add(table);
    for (const name of names) found.push(`${folder}/${name}`);
  }
  const maps = await readFile(`/proc/${pid}/maps`, "utf8").catch(() => "");
  const mapped = new Map<string, string>();
  for (const line of maps.split("\n")) {
    // "start-end rights offset device inode path (deleted)", proc_pid_maps(5)
    const [, range, file] = /^([0-9a-f]+-[0-9a-f]+) \S+ \S+ (\S+ [0-9]+) .* \(deleted\)$/.exec(line) ?? [];
    if (range !== undefined && file !== undefined) mapped.set(file, `/proc/${pid}/map_files/${trimmed(range)}`);
  }
  return [...found, ...mapped.values()];
}

/** `maps` pads addresses with zeros, the names in `map_files` do not. */
const trimmed = (range: string): string => range.replace(/(^|-)0+(?=[0-9a-f])/g, "$1");
