/** What was done to a stack, one record per operation, and a copy of the state after it. */
import type { BlobStore } from "./blobs/blob-store.ts";
import type { ConfigNode } from "./config-path.ts";
import { EngineError } from "./errors.ts";
import type { Environment } from "./locations.ts";
import type { StackKeys, StackReference } from "./stack-reference.ts";

/** As Pulumi's own file backend writes it (backend.UpdateInfo). */
export interface UpdateRecord {
  readonly kind: "update" | "refresh" | "destroy" | "import" | "rename";
  /** Seconds since 1970, as `endTime`. */
  readonly startTime: number;
  readonly message: string;
  readonly environment: Readonly<Record<string, string>>;
  /** As in Pulumi.<stack>.yaml: secrets encrypted. */
  readonly config: Readonly<Record<string, ConfigNode>>;
  readonly version: number;
  readonly result: "succeeded" | "failed" | "in-progress";
  readonly endTime: number;
  readonly resourceChanges: Readonly<Record<string, number>>;
}

const recordSuffix = ".history.json";

/** Adds the record and the copy of the state to `history/`, and another copy to `backups/`. */
export async function recordUpdate(
  blobs: BlobStore,
  keys: StackKeys,
  stack: StackReference,
  record: UpdateRecord,
  env: Environment,
): Promise<void> {
  const nanoseconds = `${BigInt(Date.now()) * 1_000_000n}`;
  const prefix = `${keys.history}/${stack.name}-${nanoseconds}`;
  await blobs.replace(prefix + recordSuffix, JSON.stringify(record));
  await blobs.copy(keys.state, `${prefix}.checkpoint.json`);
  if (["1", "true"].includes(env["PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS"] ?? "")) return;
  await blobs.copy(keys.state, `${keys.backups}/${stack.name}.${nanoseconds}.json`);
}

/**
 * The newest records first.
 * @param page `size` of 0 means all; `number` counts from 1.
 */
export async function readHistory(
  blobs: BlobStore,
  keys: StackKeys,
  page: { readonly size: number; readonly number: number } = { size: 0, number: 1 },
): Promise<UpdateRecord[]> {
  const newestFirst = (await blobs.list(keys.history)).filter((key) => key.endsWith(recordSuffix)).reverse();
  const start = page.size > 0 ? (Math.max(page.number, 1) - 1) * page.size : 0;
  const wanted = newestFirst.slice(start, page.size > 0 ? start + page.size : undefined);
  return Promise.all(wanted.map((key) => readRecord(blobs, key)));
}

/** Moves a stack's records to another name. */
export async function renameHistory(
  blobs: BlobStore,
  from: { readonly stack: StackReference; readonly keys: StackKeys },
  to: { readonly stack: StackReference; readonly keys: StackKeys },
): Promise<void> {
  const prefix = `${from.keys.history}/${from.stack.name}-`;
  for (const key of await blobs.list(from.keys.history)) {
    if (!key.startsWith(prefix)) continue;
    await blobs.copy(key, `${to.keys.history}/${to.stack.name}-${key.slice(prefix.length)}`);
    await blobs.remove(key);
  }
}

async function readRecord(blobs: BlobStore, key: string): Promise<UpdateRecord> {
  try {
    return JSON.parse((await blobs.read(key)) ?? "") as UpdateRecord;
  } catch (cause) {
    throw new EngineError("HISTORY_INVALID", `could not read the history record ${blobs.locate(key)}: it is not JSON`, {
      cause,
    });
  }
}
