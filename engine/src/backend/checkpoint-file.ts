/** The key that holds a stack's state: `.pulumi/stacks/<project>/<stack>.json`. */
import type { BlobStore } from "./blobs/blob-store.ts";
import { checkDeployment, checkVersion, deploymentVersion, type Deployment } from "./deployment.ts";
import { EngineError } from "./errors.ts";
import type { StackKeys } from "./stack-reference.ts";
import { StateCorruptError, StateIntegrityError } from "./state-errors.ts";

export interface ReadOptions {
  /** Takes a deployment whose resources do not fit together, to repair it: `--disable-integrity-checking`. */
  readonly unchecked?: boolean;
}

/**
 * The deployment of a stack; undefined when the stack does not exist.
 * @throws StateCorruptError, naming the last checkpoint that can be used; StateVersionError
 */
export async function readCheckpoint(
  blobs: BlobStore,
  keys: StackKeys,
  options: ReadOptions = {},
): Promise<Deployment | undefined> {
  const text = await blobs.read(keys.state);
  if (text === undefined) return undefined;
  try {
    return parseCheckpoint(text, blobs.locate(keys.state), options);
  } catch (error) {
    if (!(error instanceof UnusableCheckpoint || error instanceof StateIntegrityError)) throw error;
    const good = await lastGoodCheckpoint(blobs, keys);
    throw new StateCorruptError(blobs.locate(keys.state), good, error.message, error);
  }
}

/** Replaces a stack's state at once, as `stack import` and `state unprotect` do; the state before is kept as `.bak`. */
export async function writeCheckpoint(
  blobs: BlobStore,
  keys: StackKeys,
  qualifiedName: string,
  deployment: Deployment | undefined,
): Promise<void> {
  await blobs.replace(keys.state, checkpointText(qualifiedName, deployment), { backup: keys.stateBackup });
}

/** @param deployment Undefined for a stack to which nothing was deployed yet. */
export function checkpointText(qualifiedName: string, deployment: Deployment | undefined): string {
  const checkpoint = { stack: qualifiedName, ...(deployment !== undefined && { latest: deployment }) };
  return JSON.stringify({ version: deploymentVersion, checkpoint });
}

/** What cannot be read as a checkpoint at all: cut, empty, or something else. */
class UnusableCheckpoint extends EngineError {
  constructor(reason: string, cause?: unknown) {
    super("CHECKPOINT", reason, { cause });
  }
}

/** @throws UnusableCheckpoint, StateIntegrityError, StateVersionError */
function parseCheckpoint(text: string, where: string, { unchecked = false }: ReadOptions): Deployment {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new UnusableCheckpoint(
      text.trim() === "" ? "it is empty" : `it is not JSON (${text.length} characters)`,
      cause,
    );
  }
  if (typeof content !== "object" || content === null || !("checkpoint" in content))
    throw new UnusableCheckpoint("it holds no checkpoint");
  const { version, features, checkpoint } = content as Record<string, unknown>;
  checkVersion(version, features, where);
  if (typeof checkpoint !== "object" || checkpoint === null)
    throw new UnusableCheckpoint("its checkpoint is no object");
  const latest: unknown = (checkpoint as { latest?: unknown }).latest ?? {};
  checkDeployment(latest, where, { unchecked });
  return latest;
}

/** The newest of the copies that are kept of a state and can be used; undefined when there is none. */
async function lastGoodCheckpoint(blobs: BlobStore, keys: StackKeys): Promise<string | undefined> {
  const copies = (await blobs.list(keys.backups)).filter((key) => key.endsWith(".json")).reverse();
  for (const key of [keys.stateBackup, ...copies]) {
    const text = await blobs.read(key);
    if (text === undefined) continue;
    try {
      parseCheckpoint(text, key, {});
      return blobs.locate(key);
    } catch {
      // the one before it, then
    }
  }
  return undefined;
}
