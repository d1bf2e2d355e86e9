/** The file that holds a stack's state: `.pulumi/stacks/<project>/<stack>.json`. */
import { existsSync } from "node:fs";
import { checkDeployment, checkVersion, deploymentVersion, type Deployment } from "./deployment.ts";
import { StateCorruptError, StateIntegrityError } from "./errors.ts";
import { readIfExists, writeFileAtomic } from "./files.ts";
import type { StackFiles } from "./stack-reference.ts";

/**
 * The deployment in a stack's file; undefined when the stack does not exist.
 * @throws StateCorruptError, StateIntegrityError, StateVersionError
 */
export async function readCheckpoint(files: StackFiles): Promise<Deployment | undefined> {
  const text = await readIfExists(files.state);
  if (text === undefined) return undefined;
  const corrupt = (reason: string, cause?: unknown): StateCorruptError =>
    new StateCorruptError(files.state, existsSync(files.stateBackup) ? files.stateBackup : undefined, reason, cause);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw corrupt(text.trim() === "" ? "it is empty" : `it is not JSON (${text.length} characters)`, cause);
  }
  if (typeof content !== "object" || content === null || !("checkpoint" in content))
    throw corrupt("it holds no checkpoint");
  const { version, features, checkpoint } = content as Record<string, unknown>;
  checkVersion(version, features, files.state);
  if (typeof checkpoint !== "object" || checkpoint === null) throw corrupt("its checkpoint is no object");
  const latest = (checkpoint as { latest?: unknown }).latest ?? {};
  try {
    checkDeployment(latest, files.state);
  } catch (error) {
    // a file that is cut or edited shows itself here too: the way back is the same
    if (error instanceof StateIntegrityError) throw corrupt(error.message, error);
    throw error;
  }
  return latest;
}

/** Replaces a stack's state at once, as `stack import` and `state unprotect` do; the state before is kept as `.bak`. */
export async function writeCheckpoint(
  files: StackFiles,
  qualifiedName: string,
  deployment: Deployment | undefined,
): Promise<void> {
  const checkpoint = { stack: qualifiedName, ...(deployment !== undefined && { latest: deployment }) };
  await writeFileAtomic(files.state, JSON.stringify({ version: deploymentVersion, checkpoint }), {
    backup: files.stateBackup,
  });
}
