/** Waiting until an object is ready, or gone. */
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "../cluster/cluster.ts";
import { ApiError } from "../cluster/errors.ts";
import type { Informer } from "../cluster/informer.ts";
import { list, nameOf, number, referenceOf, text } from "../manifest/manifest.ts";
import type { Manifest, ObjectReference } from "../manifest/manifest.ts";
import { eventsOf } from "./events.ts";
import { ready } from "./verdict.ts";
import type { Judge, Verdict, View } from "./verdict.ts";

/** The object is there; what was waited for did not come. */
export class NotReadyError extends Error {
  override readonly name = "NotReadyError";
  readonly live: Manifest;
  /** Why, most telling first; empty when nothing is known. */
  readonly reasons: readonly string[];

  constructor(message: string, live: Manifest, reasons: readonly string[]) {
    super(message);
    this.live = live;
    this.reasons = reasons;
  }
}

export interface Wait {
  readonly cluster: Cluster;
  /** As the write returned it. */
  readonly object: Manifest;
  /** As it was before an update. */
  readonly before?: Manifest | undefined;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: string) => void;
}

/** Where something cannot be watched (no right to), it is asked for as often. */
const POLL_MS = 2_000;

/** @returns the object when it is ready. @throws NotReadyError */
export async function waitUntilReady(judge: Judge, wait: Wait): Promise<Manifest> {
  const watching = new Watching(judge, wait);
  const deadline = Date.now() + wait.timeoutSeconds * 1_000;
  let waited = false;
  try {
    for (;;) {
      const changed = watching.nextChange();
      const { object, verdict } = await watching.look();
      const name = nameOf(wait.object);
      if (verdict.state === "ready") {
        if (waited) wait.onProgress(verdict.progress);
        return object;
      }
      waited = true;
      wait.onProgress(verdict.progress);
      if (verdict.state === "failed")
        throw new NotReadyError(`resource '${name}' was created but failed to initialize`, object, verdict.reasons);
      const leftMs = deadline - Date.now();
      if (leftMs <= 0 || wait.signal.aborted) {
        const what = wait.signal.aborted ? "resource operation was cancelled for" : "timed out waiting to be Ready:";
        const events = await eventsOf(wait.cluster, [object, ...watching.podsOf(object)]);
        throw new NotReadyError(`${what} '${name}'`, object, unique([...verdict.reasons, ...events]));
      }
      await changed(Math.min(leftMs, verdict.againInMs ?? Number.POSITIVE_INFINITY, watching.pollMs));
    }
  } finally {
    watching.stop();
  }
}

/** One look at an object and what belongs to it. */
export async function judgeOnce(judge: Judge, cluster: Cluster, object: Manifest): Promise<Verdict> {
  const related = new Map<string, readonly Manifest[]>();
  for (const { apiVersion, kind, clusterWide } of judge.related) {
    const namespace = clusterWide ? undefined : text(object, "metadata", "namespace");
    related.set(kind, await cluster.list({ apiVersion, kind, namespace }).catch(() => []));
  }
  const of = (kind: string) => related.get(kind) ?? [];
  const verdict = judge.judge({ object, before: undefined, of, quietMs: () => Number.POSITIVE_INFINITY });
  if (verdict.state === "ready") return verdict;
  return { ...verdict, reasons: unique([...verdict.reasons, ...(await eventsOf(cluster, [object]))]) };
}

/** @throws NotReadyError when it is still there: with the finalizers that hold it */
export async function waitUntilGone(wait: Omit<Wait, "before">): Promise<void> {
  const { cluster, object, signal } = wait;
  const isGone = async () => {
    const found = await cluster.find(referenceOf(object));
    // Another object of the same name is another object.
    return found === undefined || text(found, "metadata", "uid") !== text(object, "metadata", "uid")
      ? undefined
      : found;
  };
  const informer = cluster.informers.use(watchedOf(object));
  const deadline = Date.now() + wait.timeoutSeconds * 1_000;
  try {
    for (;;) {
      const changed = changeOf([informer], signal);
      const left = await isGone();
      if (left === undefined) return;
      const finalizers = [
        ...list(left, "metadata", "finalizers"),
        ...list(left, "spec", "finalizers").filter((one) => one === "kubernetes" && left["kind"] === "Namespace"),
      ].map(String);
      wait.onProgress(
        finalizers.length > 0 ? `waiting for finalizers: ${finalizers.join(", ")}` : "waiting to be gone",
      );
      const leftMs = deadline - Date.now();
      if (leftMs <= 0 || signal.aborted) {
        const held =
          finalizers.length > 0 ? ` (finalizers might be preventing deletion: ${finalizers.join(", ")})` : "";
        const what = signal.aborted ? "the deletion was cancelled of" : "timed out waiting for the deletion of";
        throw new NotReadyError(`${what} '${nameOf(object)}'${held}`, left, namespaceReasons(left));
      }
      await changed(Math.min(leftMs, POLL_MS));
    }
  } finally {
    cluster.informers.release(informer);
  }
}

/** What a namespace says of what is left in it. */
function namespaceReasons(manifest: Manifest): string[] {
  return list(manifest, "status", "conditions")
    .filter((condition) => text(condition, "status") === "True")
    .map((condition) => text(condition, "message"))
    .filter((message) => message !== "");
}

function watchedOf(object: Manifest): Omit<ObjectReference, "name"> & { readonly namespace: string | undefined } {
  const { apiVersion, kind, namespace } = referenceOf(object);
  return { apiVersion, kind, namespace };
}

/** Begins to listen at once; the wait comes later, so that no change is missed between. */
function changeOf(informers: readonly Informer[], signal: AbortSignal): (limitMs: number) => Promise<void> {
  let fire: () => void;
  const changed = new Promise<void>((resolve) => (fire = resolve));
  const stops = informers.map((informer) => informer.onChange(() => fire()));
  const abort = () => fire();
  signal.addEventListener("abort", abort);
  return async (limitMs) => {
    const timer = new AbortController();
    const limit = Number.isFinite(limitMs) ? delay(limitMs, undefined, { signal: timer.signal }) : undefined;
    await Promise.race([changed, ...(limit ? [limit] : [])]);
    timer.abort();
    limit?.catch(() => undefined);
    for (const stop of stops) stop();
    signal.removeEventListener("abort", abort);
  };
}

class Watching {
  readonly #wait: Wait;
  readonly #judge: Judge;
  readonly #object: Informer;
  readonly #related: ReadonlyMap<string, Informer>;
  readonly #aborted: Promise<void>;
  #last: Manifest;

  constructor(judge: Judge, wait: Wait) {
    const { cluster, object, signal } = wait;
    this.#aborted = new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    this.#judge = judge;
    this.#wait = wait;
    this.#last = object;
    this.#object = cluster.informers.use(watchedOf(object));
    const { namespace } = referenceOf(object);
    this.#related = new Map(
      judge.related.map(({ apiVersion, kind, clusterWide }) => [
        kind,
        cluster.informers.use({ apiVersion, kind, namespace: clusterWide ? undefined : namespace }),
      ]),
    );
  }

  get pollMs(): number {
    return this.#object.failure === undefined ? Number.POSITIVE_INFINITY : POLL_MS;
  }

  nextChange(): (limitMs: number) => Promise<void> {
    return changeOf([this.#object, ...this.#related.values()], this.#wait.signal);
  }

  async look(): Promise<{ readonly object: Manifest; readonly verdict: Verdict }> {
    const { signal } = this.#wait;
    const listed = [this.#object, ...this.#related.values()].map((informer) => informer.listed);
    if (!signal.aborted) await Promise.race([Promise.all(listed), this.#aborted]);
    this.#last = await this.#current();
    const view: View = {
      object: this.#last,
      before: this.#wait.before,
      of: (kind) => this.#related.get(kind)?.objects ?? [],
      quietMs: (kind) => Date.now() - (this.#related.get(kind)?.changedAt ?? 0),
    };
    const verdict = this.#judge.judge(view);
    // What was seen may be older than what was written.
    const isOld =
      (number(this.#last, "metadata", "generation") ?? 0) < (number(this.#wait.object, "metadata", "generation") ?? 0);
    return {
      object: this.#last,
      verdict: isOld && verdict.state !== "waiting" ? { ...ready(""), state: "waiting" } : verdict,
    };
  }

  podsOf(object: Manifest): Manifest[] {
    const owners = new Set(
      [object, ...(this.#related.get("ReplicaSet")?.objects ?? [])].map((one) => text(one, "metadata", "uid")),
    );
    const isOwned = (pod: Manifest) =>
      list(pod, "metadata", "ownerReferences").some((owner) => owners.has(text(owner, "uid")));
    return (this.#related.get("Pod")?.objects ?? []).filter(isOwned);
  }

  stop(): void {
    for (const informer of [this.#object, ...this.#related.values()]) this.#wait.cluster.informers.release(informer);
  }

  async #current(): Promise<Manifest> {
    const uid = text(this.#wait.object, "metadata", "uid");
    const seen = this.#object.objects.find((one) => text(one, "metadata", "uid") === uid);
    if (seen !== undefined && this.#object.failure === undefined) return seen;
    try {
      return await this.#wait.cluster.get(referenceOf(this.#wait.object));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404)
        throw new NotReadyError(`'${nameOf(this.#wait.object)}' was deleted while it was waited for`, this.#last, []);
      throw error;
    }
  }
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words.filter((word) => word !== ""))];
}
