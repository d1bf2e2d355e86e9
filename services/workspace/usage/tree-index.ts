import { type BigIntStats, lstatSync } from "node:fs";
import { lstat } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { type DirectoryHandle, walkTo } from "../directory-handle.ts";
import { entryBytes } from "./tree-bytes.ts";

/** A directory as it was when its entries were last read. */
interface KnownDirectory {
  readonly inode: bigint;
  /** Changes with every entry that is made, removed or renamed, and unlike mtime cannot be set. */
  readonly ctimeNs: bigint;
  /** Something in it was so young that it may have changed again without a new time. */
  readonly unsettled: boolean;
  readonly readInRound: number;
  /** Bytes of its files with one name; those of directories are counted by their own records. */
  readonly fileBytes: number;
  readonly files: number;
  /** Files with several names: inode and bytes. */
  readonly linked: readonly (readonly [inode: bigint, bytes: number])[];
  readonly children: readonly Buffer[];
}

/** Directories held open on the way down; deeper ones are reached again from the root. */
const MAX_OPEN_DEPTH = 100;
const STAT_BATCH = 64;
/** A batch that takes longer waits for a disk; for a while the next ones do not hold up the process. */
const LONG_MS = 3;
const PATIENT_MS = 250;
/** Changes younger than this when a directory was read may be followed by others that its time does not show. */
const SETTLED_AFTER_NS = 2_000_000_000n;
/** A directory is read again after so many rounds, changed or not: a file may have grown that had been left alone. */
const ROUNDS_BELIEVED = 16;
/** Above so many directories an index takes more memory than it is worth. */
const MAX_DIRECTORIES = 200_000;

/**
 * Counts the bytes below a folder again and again, for less than a walk: the entries of a directory are read only when
 * its ctime says that some came or went, when something in it was being written when it was last read, and one
 * directory in sixteen each time, so that files which grow in place in quiet directories are found as well. What it
 * says is exact after `count({ full: true })`.
 */
export class TreeIndex {
  readonly #rootDir: string;
  #known = new Map<string, KnownDirectory>();
  #round = 0;
  #entries = 0;

  constructor(rootDir: string) {
    this.#rootDir = rootDir;
  }

  /** Inodes of everything below the folder, as it was counted last. */
  get entries(): number {
    return this.#entries;
  }

  /** Bytes on the disk of everything below the folder (4 KiB at least of each entry); a file with several names counts once. 0 when it is not there. */
  async count(options: { readonly full?: boolean } = {}): Promise<number> {
    this.#round += 1;
    const round = new Round(this.#round, options.full === true ? new Map<string, KnownDirectory>() : this.#known);
    let parts: readonly Buffer[] | undefined = [];
    while (parts !== undefined) {
      const directory = await walkTo(this.#rootDir, parts).catch((error: unknown) => {
        if (parts?.length === 0 && (error as { code?: unknown }).code !== "FILE_NOT_FOUND") throw error;
        return undefined; // removed, moved or closed to us since it was seen
      });
      if (directory !== undefined) await round.walk(directory, parts, undefined);
      parts = round.deferred.pop();
    }
    this.#known = round.seen.size > MAX_DIRECTORIES ? new Map<string, KnownDirectory>() : round.seen;
    this.#entries = round.entries;
    return round.bytes;
  }
}

/** One count of the whole tree. */
class Round {
  readonly seen = new Map<string, KnownDirectory>();
  readonly deferred: (readonly Buffer[])[] = [];
  bytes = 0;
  entries = 0;
  readonly #linked = new Set<bigint>();
  #patientUntil = 0;
  readonly #number: number;
  readonly #before: ReadonlyMap<string, KnownDirectory>;

  constructor(number: number, before: ReadonlyMap<string, KnownDirectory>) {
    this.#number = number;
    this.#before = before;
  }

  /** Counts what is in an open directory, and closes it. `stats`: of itself, where its parent knows them. */
  async walk(directory: DirectoryHandle, parts: readonly Buffer[], stats: BigIntStats | undefined, depth = 0) {
    try {
      const own = stats ?? (await lstat(directory.child("."), { bigint: true }));
      const record = await this.#recordOf(directory, keyOf(parts), own);
      this.#add(keyOf(parts), record);
      for (let from = 0; from < record.children.length; from += STAT_BATCH) {
        const names = record.children.slice(from, from + STAT_BATCH);
        const all = await this.#statAll(directory, names);
        for (const [index, name] of names.entries()) {
          const child = all[index];
          if (child?.isDirectory() === true) await this.#walkChild(directory, name, [...parts, name], child, depth);
        }
      }
    } finally {
      await directory.close();
    }
  }

  async #walkChild(
    parent: DirectoryHandle,
    name: Buffer,
    parts: readonly Buffer[],
    stats: BigIntStats,
    depth: number,
  ): Promise<void> {
    this.bytes += entryBytes(Number(stats.blocks) * 512);
    this.entries += 1;
    const known = this.#believed(keyOf(parts), stats);
    // Nothing below it: it need not even be opened.
    if (known?.children.length === 0) {
      this.#add(keyOf(parts), known);
      return;
    }
    if (depth >= MAX_OPEN_DEPTH) {
      this.deferred.push(parts);
      return;
    }
    const child = await parent.openChild(name).catch(() => undefined);
    if (child !== undefined) await this.walk(child, parts, stats, depth + 1);
  }

  #add(key: string, record: KnownDirectory): void {
    this.seen.set(key, record);
    this.bytes += record.fileBytes;
    this.entries += record.files;
    for (const [inode, bytes] of record.linked) {
      if (this.#linked.has(inode)) continue;
      this.#linked.add(inode);
      this.bytes += bytes;
      this.entries += 1;
    }
  }

  #believed(key: string, { ino, ctimeNs }: BigIntStats): KnownDirectory | undefined {
    const known = this.#before.get(key);
    if (known === undefined || known.unsettled || known.inode !== ino || known.ctimeNs !== ctimeNs) return undefined;
    return this.#number - known.readInRound < ROUNDS_BELIEVED ? known : undefined;
  }

  async #recordOf(directory: DirectoryHandle, key: string, own: BigIntStats): Promise<KnownDirectory> {
    const believed = this.#believed(key, own);
    if (believed !== undefined) return believed;
    const settledBefore = BigInt(Date.now()) * 1_000_000n - SETTLED_AFTER_NS;
    let youngest = own.ctimeNs;
    let fileBytes = 0;
    let files = 0;
    const linked: [bigint, number][] = [];
    const children: Buffer[] = [];
    for await (const { name, stats } of this.#entriesOf(directory)) {
      if (stats.isDirectory()) {
        children.push(name);
        continue;
      }
      if (stats.ctimeNs > youngest) youngest = stats.ctimeNs;
      const bytes = entryBytes(Number(stats.blocks) * 512);
      if (stats.nlink > 1n) {
        linked.push([stats.ino, bytes]);
        continue;
      }
      fileBytes += bytes;
      files += 1;
    }
    // Those that are read for the first time come up for reading again in different rounds.
    const spread = this.#before.has(key) ? 0 : this.seen.size % ROUNDS_BELIEVED;
    const readInRound = this.#number - spread;
    const unsettled = youngest > settledBefore;
    return { inode: own.ino, ctimeNs: own.ctimeNs, unsettled, readInRound, fileBytes, files, linked, children };
  }

  async *#entriesOf(directory: DirectoryHandle): AsyncGenerator<{ name: Buffer; stats: BigIntStats }> {
    let names: Buffer[] = [];
    const flush = async () => {
      const all = await this.#statAll(directory, names);
      const found = names.flatMap((name, index) => (all[index] === undefined ? [] : [{ name, stats: all[index] }]));
      names = [];
      return found;
    };
    for await (const { name } of directory.entries()) {
      names.push(name);
      if (names.length >= STAT_BATCH) yield* await flush();
    }
    yield* await flush();
  }

  /**
   * What `lstat` says of each name; undefined of one that is gone. What the kernel has in memory it answers in 2 µs, a
   * tenth of what a promise costs: it is asked without one, a batch at a time, until a batch takes so long that others
   * would notice.
   */
  async #statAll(directory: DirectoryHandle, names: readonly Buffer[]): Promise<(BigIntStats | undefined)[]> {
    const startedAt = performance.now();
    if (startedAt < this.#patientUntil) {
      return Promise.all(names.map((name) => lstat(directory.child(name), { bigint: true }).catch(() => undefined)));
    }
    const all = names.map((name) => {
      try {
        return lstatSync(directory.child(name), { bigint: true });
      } catch {
        return undefined;
      }
    });
    if (performance.now() - startedAt > LONG_MS) this.#patientUntil = performance.now() + PATIENT_MS;
    await setImmediate();
    return all;
  }
}

/** Bytes that are no UTF-8 keep apart; a name holds no slash. */
const keyOf = (parts: readonly Buffer[]): string => parts.map((part) => part.toString("latin1")).join("/");
