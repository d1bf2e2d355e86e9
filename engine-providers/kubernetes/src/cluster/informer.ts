/**
 * Keeps copies of what is in the cluster up to date by watching it. All that wait for objects of a kind in a namespace
 * share one watch.
 */
import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { isManifest, list, number, text } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import type { Discovery } from "./discovery.ts";
import { ApiError } from "./errors.ts";
import type { ApiTransport } from "./http.ts";

/** What is watched: a kind, in one namespace or in none. */
export interface Watched {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string | undefined;
}

const RETRY_MS = 1_000;
const GONE = 410;

export class Informer {
  readonly watched: Watched;
  /** When something was last added, changed or removed; milliseconds since the epoch. */
  changedAt = Date.now();
  /** The last reason why it could not be watched: the copies may be old, or none. */
  failure: Error | undefined;
  readonly #objects = new Map<string, Manifest>();
  readonly #listeners = new Set<() => void>();
  readonly #transport: ApiTransport;
  readonly #discovery: Discovery;
  readonly #stopping = new AbortController();
  readonly #listed: Promise<void>;

  constructor(watched: Watched, transport: ApiTransport, discovery: Discovery) {
    this.watched = watched;
    this.#transport = transport;
    this.#discovery = discovery;
    this.#listed = new Promise((resolve) => void this.#run(resolve));
  }

  /** Resolves when the first copies are here, or could not be had ({@link failure}). */
  get listed(): Promise<void> {
    return this.#listed;
  }

  get objects(): readonly Manifest[] {
    return [...this.#objects.values()];
  }

  /** @returns stops listening */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #run(listed: () => void): Promise<void> {
    const { signal } = this.#stopping;
    const isStopped = () => signal.aborted;
    while (!isStopped()) {
      try {
        let version = await this.#list();
        this.failure = undefined;
        listed();
        // The server ends a watch now and then; the next goes on where it ended.
        while (!isStopped()) version = await this.#watch(version);
      } catch (error) {
        if (isStopped()) break;
        this.failure = error instanceof Error ? error : new Error(String(error));
        listed();
        this.#notify();
        const expired = error instanceof ApiError && error.status === GONE;
        if (!expired) await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    listed();
  }

  async #list(): Promise<string> {
    const path = await this.#discovery.path(this.watched);
    const { body } = await this.#transport.request({ method: "GET", path, signal: this.#stopping.signal });
    this.#objects.clear();
    for (const item of list(body, "items")) if (isManifest(item)) this.#keep(item);
    this.#notify();
    return text(body, "metadata", "resourceVersion");
  }

  /** @returns the version that was seen last */
  async #watch(from: string): Promise<string> {
    const path = await this.#discovery.path(this.watched);
    const query = { watch: "true", resourceVersion: from, allowWatchBookmarks: "true" };
    const { signal } = this.#stopping;
    const response = await this.#transport.open({ method: "GET", path, query, signal });
    if ((response.statusCode ?? 0) >= 400) {
      response.resume();
      throw new ApiError(response.statusCode ?? 0, { message: `cannot watch ${path}` });
    }
    let version = from;
    for await (const line of linesOf(response)) {
      const event = JSON.parse(line) as Manifest;
      const object = event["object"];
      if (!isManifest(object)) continue;
      if (event["type"] === "ERROR") throw new ApiError(number(object, "code") ?? 0, object);
      version = text(object, "metadata", "resourceVersion") || version;
      if (event["type"] === "BOOKMARK") continue;
      if (event["type"] === "DELETED") this.#objects.delete(text(object, "metadata", "uid"));
      else this.#keep(object);
      this.#notify();
    }
    return version;
  }

  /** The items of a list come without their kind. */
  #keep(object: Manifest): void {
    const { apiVersion, kind } = this.watched;
    this.#objects.set(text(object, "metadata", "uid"), { ...object, apiVersion, kind });
  }

  #notify(): void {
    this.changedAt = Date.now();
    for (const listener of this.#listeners) listener();
  }
}

export class InformerPool {
  readonly #transport: ApiTransport;
  readonly #discovery: Discovery;
  readonly #informers = new Map<string, { informer: Informer; users: number }>();

  constructor(transport: ApiTransport, discovery: Discovery) {
    this.#transport = transport;
    this.#discovery = discovery;
  }

  /** To be given back with {@link release}. */
  use(watched: Watched): Informer {
    const key = keyOf(watched);
    let entry = this.#informers.get(key);
    if (entry === undefined) {
      entry = { informer: new Informer(watched, this.#transport, this.#discovery), users: 0 };
      this.#informers.set(key, entry);
    }
    entry.users += 1;
    return entry.informer;
  }

  release({ watched }: Informer): void {
    const key = keyOf(watched);
    const entry = this.#informers.get(key);
    if (entry === undefined) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#informers.delete(key);
    entry.informer.stop();
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of response.setEncoding("utf8")) {
    const lines = (rest + (chunk as string)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}

function keyOf({ apiVersion, kind, namespace }: Watched): string {
  return `${apiVersion}/${kind}/${namespace ?? ""}`;
}
