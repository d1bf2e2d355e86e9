/** The stack's state while an operation runs: what is new, what of the old is gone, and what has begun. */
import type { PendingOperation, ResourceState, Snapshot } from "../model.ts";
import { mapsEqual } from "./property/value.ts";
import { parseProviderReference } from "./urn.ts";
import { without } from "./without.ts";

export class SnapshotJournal {
  #base: readonly ResourceState[];
  readonly #news: ResourceState[] = [];
  readonly #dones = new Set<ResourceState>();
  readonly #pending = new Map<ResourceState, PendingOperation>();
  /** What was interrupted while it was created may exist: only its user can say so, by a refresh. */
  readonly #interruptedCreates: readonly PendingOperation[];
  /** The engine goes on changing its states; a snapshot's never change again. */
  readonly #frozen = new Map<ResourceState, ResourceState>();
  readonly #renamed = new Map<string, string>();
  readonly #renamedStates = new WeakMap<ResourceState, { names: number; state: ResourceState }>();
  readonly #write: (snapshot: Snapshot) => Promise<void>;
  #failure: { error: unknown } | undefined;
  #latest: Promise<void> = Promise.resolve();

  constructor(
    base: readonly ResourceState[],
    pending: readonly PendingOperation[],
    write: (snapshot: Snapshot) => Promise<void>,
  ) {
    this.#base = base;
    this.#interruptedCreates = pending.filter(({ type }) => type === "creating");
    this.#write = write;
  }

  /** Puts it on record that an operation begins; it may begin when this resolves. */
  async begin(state: ResourceState, type: PendingOperation["type"]): Promise<void> {
    this.#pending.set(state, { resource: { ...state }, type });
    await this.checkpoint();
  }

  abandon(state: ResourceState): void {
    this.#pending.delete(state);
    this.#checkpointLater();
  }

  /** A resource's new state, in place of its old one if that is given. */
  put(state: ResourceState, replaces: ResourceState | undefined): void {
    this.#pending.delete(state);
    if (replaces !== undefined) this.#dones.add(replaces);
    this.#news.push(state);
    this.#frozen.set(state, { ...state });
    if (replaces === undefined || !isSameOnDisk(replaces, state)) this.#checkpointLater();
  }

  remove(state: ResourceState): void {
    this.#pending.delete(state);
    this.#dones.add(state);
    this.#checkpointLater();
  }

  /** A state that the snapshot holds was changed. */
  touch(state: ResourceState): void {
    this.#pending.delete(state);
    this.#frozen.set(state, { ...state });
    this.#checkpointLater();
  }

  /** What an alias found under its former URN: those that name it follow. */
  rename(formerUrn: string, urn: string): void {
    this.#renamed.set(formerUrn, urn);
  }

  /** After a refresh: what was found takes the place of what was known. */
  rebase(resources: readonly ResourceState[]): void {
    this.#base = resources;
    this.#checkpointLater();
  }

  snapshot(): Snapshot {
    const states = [...this.#news, ...this.#base].filter((state) => !this.#dones.has(state));
    const frozen = states.map((state) => this.#frozen.get(state) ?? state);
    return {
      resources: this.#renamed.size === 0 ? frozen : frozen.map((state) => this.#withNewNames(state)),
      pendingOperations: [...this.#interruptedCreates, ...this.#pending.values()],
    };
  }

  /** @throws what writing threw, now or at any time before. */
  async checkpoint(): Promise<void> {
    this.#checkpointLater();
    await this.flushed();
  }

  /** Resolves when everything so far is on disk. */
  async flushed(): Promise<void> {
    await this.#latest;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #checkpointLater(): void {
    if (this.#failure !== undefined) return;
    const before = this.#latest;
    const written = this.#write(this.#lazySnapshot()).catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#latest = Promise.all([before, written]).then(() => undefined);
  }

  /**
   * A snapshot that is put together when it is read. Who writes only now and then, and serves several requests by one
   * write, has the work only then; what it writes is never older than what was asked for.
   */
  #lazySnapshot(): Snapshot {
    let taken: Snapshot | undefined;
    const take = () => (taken ??= this.snapshot());
    return {
      get resources() {
        return take().resources;
      },
      get pendingOperations() {
        return take().pendingOperations;
      },
    };
  }

  /** The same object for the same state, as long as no more is renamed. */
  #withNewNames(state: ResourceState): ResourceState {
    const known = this.#renamedStates.get(state);
    if (known?.names === this.#renamed.size) return known.state;
    const renamed = withNewNames(state, this.#renamed);
    this.#renamedStates.set(state, { names: this.#renamed.size, state: renamed });
    return renamed;
  }
}

function withNewNames(state: ResourceState, names: ReadonlyMap<string, string>): ResourceState {
  const now = (urn: string) => names.get(urn) ?? urn;
  const renamed: ResourceState = { ...state };
  if (state.parent) renamed.parent = now(state.parent);
  if (state.dependencies) renamed.dependencies = state.dependencies.map(now);
  if (state.deletedWith) renamed.deletedWith = now(state.deletedWith);
  if (state.propertyDependencies)
    renamed.propertyDependencies = Object.fromEntries(
      Object.entries(state.propertyDependencies).map(([key, urns]) => [key, urns.map(now)]),
    );
  if (state.provider) {
    const { urn, id } = parseProviderReference(state.provider);
    renamed.provider = `${now(urn)}::${id}`;
  }
  return renamed;
}

/** Writing a state file for a resource that did not change would be in vain. */
function isSameOnDisk(old: ResourceState, state: ResourceState): boolean {
  const plain = (one: ResourceState) =>
    stableJson({
      ...without(one, "inputs", "outputs", "created", "modified", "sourcePosition"),
      extra: without(one.extra ?? {}, "stackTrace"),
    });
  return mapsEqual(state.inputs, old.inputs) && mapsEqual(state.outputs, old.outputs) && plain(old) === plain(state);
}

function stableJson(value: object): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
