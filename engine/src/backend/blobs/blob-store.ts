/** Where the bytes of a state store lie: a folder, or a bucket. Keys are paths with slashes, without one in front. */

export interface ReplaceOptions {
  /** Keeps what the key held before under this key. */
  readonly backup?: string;
  /** Whether this is the last of a series of writes: what can be put off until then is done. @default true */
  readonly last?: boolean;
}

/** Every implementation obeys engine/tests/backend/blob-store.contract.ts. */
export interface BlobStore {
  /** The name of a key for people: a path, or a URL. */
  locate(key: string): string;
  /** The text of a key, or undefined when there is none. */
  read(key: string): Promise<string | undefined>;
  exists(key: string): Promise<boolean>;
  /** Writes a key whole: whoever reads it sees what was there before or all of this, whenever the writer is killed. */
  replace(key: string, content: string | readonly Uint8Array[], options?: ReplaceOptions): Promise<void>;
  /** Writes a key unless it is there: resolves to false then. Of several at once one succeeds. */
  create(key: string, content: string): Promise<boolean>;
  /** Resolves to false when there is nothing to copy. */
  copy(from: string, to: string): Promise<boolean>;
  /** Resolves too when there is nothing to remove. */
  remove(key: string): Promise<void>;
  /** As `remove`, before it returns: for a process that ends at once. Undefined where that is not possible. */
  readonly removeNow?: (key: string) => void;
  /** Every key below a folder, at any depth, in order. */
  list(folder: string): Promise<string[]>;
  /** Removes what writers of a key that were killed left beside it. The caller sees to it that none is at work. */
  removeLeftOvers(key: string): Promise<void>;
  /** Removes every key below a folder. */
  removeFolder(folder: string): Promise<void>;
}
