/** What was done to a stack, one record per operation, and a copy of the state after it. */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "./files.ts";
import type { Environment } from "./locations.ts";
import type { StackFiles, StackReference } from "./stack-reference.ts";

export interface UpdateRecord {
  readonly kind: "update" | "refresh" | "destroy";
  /** Seconds since 1970, as `endTime`. */
  readonly startTime: number;
  readonly message: string;
  readonly environment: Readonly<Record<string, string>>;
  /** As in Pulumi.<stack>.yaml: secrets encrypted. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly version: number;
  readonly result: "succeeded" | "failed";
  readonly endTime: number;
  readonly resourceChanges: Readonly<Record<string, number>>;
}

/** Adds the record and the copy of the state to `history/`, and another copy to `backups/`. */
export async function recordUpdate(
  files: StackFiles,
  stack: StackReference,
  record: UpdateRecord,
  env: Environment,
): Promise<void> {
  const nanoseconds = `${BigInt(Date.now()) * 1_000_000n}`;
  const prefix = join(files.history, `${stack.name}-${nanoseconds}`);
  await writeFileAtomic(`${prefix}.history.json`, JSON.stringify(record));
  await copyFile(files.state, `${prefix}.checkpoint.json`);
  if (["1", "true"].includes(env["PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS"] ?? "")) return;
  await mkdir(files.backups, { recursive: true });
  await copyFile(files.state, join(files.backups, `${stack.name}.${nanoseconds}.json`));
}
