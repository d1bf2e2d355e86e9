/** Objects are made, changed and patched: what create and update have in common. */
import { setTimeout as delay } from "node:timers/promises";
import { InitializationFailedError } from "@automatos/provider-plugin";
import type { PropertyMap } from "@automatos/provider-plugin";
import { ApiError, hasReason, isNotFound, KindUnknownError } from "../cluster/errors.ts";
import { ANNOTATION, isAnnotated, timeoutSecondsOf } from "../manifest/annotations.ts";
import { idOf, withoutField } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { maskOf } from "../manifest/secrets.ts";
import { judgeOf } from "../readiness/judges.ts";
import { NotReadyError, waitUntilReady } from "../readiness/wait.ts";
import type { Session } from "../session.ts";
import { toOutputs } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";

/**
 * What is not there yet may be on its way (a namespace, the definition of a kind), and what is still there on its way
 * out (an object of the same name whose end was not waited for).
 */
const RETRY_DELAYS_MS = [500, 1_000, 2_000, 4_000, 8_000];

export async function withRetries<T>(
  signal: AbortSignal,
  onRetry: (error: Error) => void,
  attempt: () => Promise<T>,
): Promise<T> {
  for (const waitMs of RETRY_DELAYS_MS) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof KindUnknownError) && !isNotFound(error) && !isBeingDeleted(error)) throw error;
      onRetry(error as Error);
      await delay(waitMs, undefined, { signal });
    }
  }
  return attempt();
}

function isBeingDeleted(error: unknown): boolean {
  return hasReason(error, "AlreadyExists") && (error as Error).message.startsWith("object is being deleted");
}

export interface Written {
  readonly urn: string;
  readonly inputs: PropertyMap;
  readonly given: Manifest;
  /** As the write returned it. */
  readonly live: Manifest;
  readonly before?: Manifest | undefined;
  readonly checkpoint: Omit<Checkpoint, "live">;
  readonly customTimeoutSeconds: number;
  readonly signal: AbortSignal;
  /** What has been done, for the message when the object is not ready: `created`, `updated`. */
  readonly done: string;
}

/** Waits until it is ready. @throws InitializationFailedError when it is not, with what is there */
export async function settle(session: Session, written: Written): Promise<PropertyMap> {
  const { urn, inputs, given, checkpoint } = written;
  const judge = judgeOf(given, process.env["PULUMI_K8S_AWAIT_ALL"] === "true");
  if (judge === undefined) return toOutputs({ ...checkpoint, live: written.live }, inputs);
  const mask = maskOf(inputs);
  let shown = "";
  const say = (progress: string) => {
    if (progress !== shown) void session.engine.log("info", mask(progress), { urn, ephemeral: true });
    shown = progress;
  };
  try {
    const live = await waitUntilReady(judge, {
      cluster: session.cluster,
      object: written.live,
      before: written.before,
      timeoutSeconds: timeoutSecondsOf(given, written.customTimeoutSeconds),
      signal: written.signal,
      onProgress: say,
    });
    return toOutputs({ ...checkpoint, live }, inputs);
  } catch (error) {
    // Whatever went wrong, the object is there: it must not be forgotten.
    const unready = error instanceof NotReadyError ? error : undefined;
    const live = unready?.live ?? written.live;
    const words = error instanceof Error ? error.message : String(error);
    const heading =
      `resource "${urn}" was successfully ${written.done}, but the Kubernetes API server ` +
      `reported that it failed to fully initialize or become live: ${words}`;
    throw new InitializationFailedError({
      id: idOf(live),
      outputs: toOutputs({ ...checkpoint, live }, inputs),
      inputs,
      reasons: [heading, ...(unready?.reasons ?? [])].map(mask),
    });
  }
}

/** What a dry run says would be; the status of what is not there yet is nothing to build on. */
export function previewOf(live: Manifest): Manifest {
  return withoutField(live, ["status"]);
}

export function forcesConflicts(session: Session, manifest: Manifest): boolean {
  return session.settings.enablePatchForce || isAnnotated(manifest, ANNOTATION.patchForce);
}

/** The error as it is told, without the secrets of the inputs. */
export function explain(error: unknown, what: string, manager: string, inputs: PropertyMap): Error {
  const mask = maskOf(inputs);
  const words = error instanceof Error ? error.message : String(error);
  if (error instanceof KindUnknownError)
    return new Error(
      `${what} failed because the Kubernetes API server reported that the apiVersion for this resource does not exist. ` +
        `Verify that any required CRDs have been created: ${words}`,
    );
  if (error instanceof ApiError && error.causes("FieldManagerConflict").length > 0)
    return new Error(
      `${what} failed: the resource managed by field manager "${manager}" had an apply conflict: ${mask(words)}. ` +
        `Take the fields out of the program, or set the annotation ${ANNOTATION.patchForce}: "true" to take them over`,
    );
  if (hasReason(error, "AlreadyExists"))
    return new Error(
      `${what} failed: ${words}. The object is there already: rename with an alias or deleteBeforeReplace, change some of ` +
        "its fields with a Patch resource, take it over with `pulumi import`, or let creation apply to what exists with " +
        "the provider's upsertExistingObjects",
    );
  return new Error(`${what} failed: ${mask(words)}`);
}
