/** What is in a pretended cloud, on disk: shared by all processes that rehearse in the same folder, kept across runs. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { FolderLock } from "./folder-lock.ts";
import { Journal } from "./journal.ts";
import { ledgerOf } from "./ledger.ts";
import type { LedgerEntry } from "./ledger.ts";
import { Sealing } from "./sealing.ts";
import type { JsonMap } from "./sealing.ts";

/** A resource of the pretended cloud. */
export interface CloudObject {
  readonly type: string;
  readonly id: string;
  /** Its name in the program that made it. */
  readonly name: string;
  readonly urn: string;
  /** From which everything random about it was derived. */
  readonly seed: string;
  /** Texts by which others refer to it: id, self-link, ARN, name. */
  readonly handles: readonly string[];
  /** What no other resource of the cloud may be called, each with its scope. */
  readonly unique: readonly string[];
  /** What counts towards a quota together: type and place. */
  readonly quotaScope: string;
  /** Keys of the resources that cannot be removed while this one is there. */
  readonly holds: readonly string[];
  readonly inputs: JsonMap;
  readonly outputs: JsonMap;
  readonly createdAt: string;
  /** Reads and uses that do not find it yet. */
  readonly settling: number;
}

type Entry =
  { readonly put: CloudObject } | { readonly remove: string } | { readonly strike: string; readonly count: number };

/** Rewriting the file is worth it from this many lines on, when most of them are of the past. */
const COMPACT_FROM_LINES = 1_000;

export function keyOf(object: { readonly type: string; readonly id: string }): string {
  return `${object.type}::${object.id}`;
}

export class CloudStore {
  readonly sealing: Sealing;
  readonly #lock: FolderLock;
  readonly #journal: Journal<Entry>;
  readonly #ledger: Journal<LedgerEntry>;
  readonly #index = new CloudIndex();
  /** Nothing changes or removes these. */
  readonly #existing: readonly CloudObject[];

  /** @param folder made if it is not there */
  constructor(folder: string, cloud: string, existing: readonly CloudObject[] = []) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.sealing = new Sealing(folder);
    this.#lock = new FolderLock(folder);
    this.#journal = new Journal(join(folder, `${cloud}.jsonl`));
    this.#ledger = ledgerOf(folder);
    this.#existing = existing;
    for (const object of existing) this.#index.put(object);
  }

  /**
   * Runs `work` alone among all processes, on the cloud as it is; what it changed and recorded is written also when it
   * throws, so it must decide before it changes.
   */
  transaction<T>(work: (cloud: CloudView) => T): Promise<T> {
    return this.#lock.run(() => {
      this.#catchUp();
      const view = new CloudView(this.#index);
      try {
        return work(view);
      } finally {
        this.#journal.append(view.changes);
        this.#ledger.follow();
        this.#ledger.append(view.records);
        if (this.#journal.lines > COMPACT_FROM_LINES && this.#journal.lines > 4 * this.#index.size)
          this.#journal.rewrite(this.#index.entries(this.#existing));
      }
    });
  }

  #catchUp(): void {
    const { fromStart, entries } = this.#journal.follow();
    if (fromStart) {
      this.#index.clear();
      for (const object of this.#existing) this.#index.put(object);
    }
    for (const entry of entries) this.#index.apply(entry);
  }
}

/** The cloud during one transaction. */
export class CloudView {
  readonly changes: Entry[] = [];
  readonly records: LedgerEntry[] = [];
  readonly #index: CloudIndex;

  constructor(index: CloudIndex) {
    this.#index = index;
  }

  get(type: string, id: string): CloudObject | undefined {
    return this.#index.objects.get(keyOf({ type, id }));
  }

  /** By any text that stands for it. Of several, the one that was made last. */
  find(type: string, handle: string): CloudObject | undefined {
    const keys = this.#index.handles.get(`${type}::${handle}`);
    const last = keys === undefined ? undefined : [...keys].at(-1);
    return last === undefined ? undefined : this.#index.objects.get(last);
  }

  ofType(type: string): CloudObject[] {
    return this.all().filter((object) => object.type === type);
  }

  all(): CloudObject[] {
    return [...this.#index.objects.values()];
  }

  owner(unique: string): CloudObject | undefined {
    const key = this.#index.unique.get(unique);
    return key === undefined ? undefined : this.#index.objects.get(key);
  }

  countIn(quotaScope: string): number {
    return this.#index.scopes.get(quotaScope) ?? 0;
  }

  /** What must be removed before this can be. */
  heldBy(object: CloudObject): CloudObject[] {
    const keys = [...(this.#index.holders.get(keyOf(object)) ?? [])];
    return keys.flatMap((key) => this.#index.objects.get(key) ?? []);
  }

  put(object: CloudObject): void {
    this.#change({ put: object });
  }

  remove(object: CloudObject): void {
    this.#change({ remove: keyOf(object) });
  }

  strikes(fault: string): number {
    return this.#index.strikes.get(fault) ?? 0;
  }

  strike(fault: string): void {
    this.#change({ strike: fault, count: this.strikes(fault) + 1 });
  }

  record(entry: LedgerEntry): void {
    this.records.push(entry);
  }

  #change(entry: Entry): void {
    this.#index.apply(entry);
    this.changes.push(entry);
  }
}

class CloudIndex {
  readonly objects = new Map<string, CloudObject>();
  readonly handles = new Map<string, Set<string>>();
  readonly unique = new Map<string, string>();
  readonly scopes = new Map<string, number>();
  readonly holders = new Map<string, Set<string>>();
  readonly strikes = new Map<string, number>();

  get size(): number {
    return this.objects.size + this.strikes.size;
  }

  apply(entry: Entry): void {
    if ("put" in entry) this.put(entry.put);
    else if ("remove" in entry) this.#remove(entry.remove);
    else this.strikes.set(entry.strike, entry.count);
  }

  put(object: CloudObject): void {
    const key = keyOf(object);
    this.#remove(key);
    this.objects.set(key, object);
    for (const handle of object.handles) add(this.handles, `${object.type}::${handle}`, key);
    for (const held of object.holds) add(this.holders, held, key);
    for (const name of object.unique) this.unique.set(name, key);
    this.scopes.set(object.quotaScope, (this.scopes.get(object.quotaScope) ?? 0) + 1);
  }

  /** The entries that make this index out of one that holds `existing`. */
  entries(existing: readonly CloudObject[]): Entry[] {
    const gone = existing.map(keyOf).filter((key) => !this.objects.has(key));
    const made = [...this.objects.values()].filter((object) => !existing.includes(object));
    return [
      ...gone.map((remove) => ({ remove })),
      ...made.map((put) => ({ put })),
      ...[...this.strikes].map(([strike, count]) => ({ strike, count })),
    ];
  }

  clear(): void {
    for (const map of [this.objects, this.handles, this.unique, this.scopes, this.holders, this.strikes]) map.clear();
  }

  #remove(key: string): void {
    const object = this.objects.get(key);
    if (object === undefined) return;
    this.objects.delete(key);
    for (const handle of object.handles) this.handles.get(`${object.type}::${handle}`)?.delete(key);
    for (const held of object.holds) this.holders.get(held)?.delete(key);
    for (const name of object.unique) if (this.unique.get(name) === key) this.unique.delete(name);
    this.scopes.set(object.quotaScope, (this.scopes.get(object.quotaScope) ?? 1) - 1);
  }
}

function add(index: Map<string, Set<string>>, at: string, key: string): void {
  const keys = index.get(at);
  if (keys === undefined) index.set(at, new Set([key]));
  else keys.add(key);
}
