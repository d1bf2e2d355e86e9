/** A store of stacks, laid out as Pulumi's own file and bucket backends lay theirs out. */
import { parse } from "yaml";
import type { BlobStore } from "./blobs/blob-store.ts";
import { checkpointText, readCheckpoint, writeCheckpoint, type ReadOptions } from "./checkpoint-file.ts";
import type { Deployment } from "./deployment.ts";
import { isRootStack } from "./deployment.ts";
import { EngineError, StackExistsError, StackNotEmptyError, StackNotFoundError, UnsupportedError } from "./errors.ts";
import { renameHistory } from "./history.ts";
import { isLocked, lockStack, type StackLock } from "./lock.ts";
import { qualifiedName, stackKeys, storeKeys, type StackKeys, type StackReference } from "./stack-reference.ts";
import { renamedStack } from "./stack-rename.ts";
import { readTags, writeTags } from "./tags.ts";

/** The layout that keeps a project's stacks in a folder of their own. */
const layoutVersion = 1;

export interface StackSummary {
  readonly stack: StackReference;
  /** ISO time; undefined when nothing was ever deployed. */
  readonly lastUpdate: string | undefined;
  readonly resourceCount: number | undefined;
  readonly updateInProgress: boolean;
}

export interface StackStoreDeps {
  /** As it was written, which names the store in the workspace's settings. */
  readonly url: string;
  readonly blobs: BlobStore;
  readonly warn: (message: string) => void;
  readonly read?: ReadOptions;
}

export class StackStore {
  readonly url: string;
  readonly blobs: BlobStore;
  readonly #warn: (message: string) => void;
  readonly #readOptions: ReadOptions;

  constructor(deps: StackStoreDeps) {
    this.url = deps.url;
    this.blobs = deps.blobs;
    this.#warn = deps.warn;
    this.#readOptions = deps.read ?? {};
  }

  keys(stack: StackReference): StackKeys {
    return stackKeys(stack);
  }

  /** What holds a stack's state, for messages. */
  whereIs(stack: StackReference): string {
    return this.blobs.locate(stackKeys(stack).state);
  }

  /** @throws UnsupportedError when its state is there, but compressed. */
  async exists(stack: StackReference): Promise<boolean> {
    const { state } = stackKeys(stack);
    if (await this.blobs.exists(state)) return true;
    for (const compressed of [`${state}.gz`, `${state}.zst`])
      if (await this.blobs.exists(compressed))
        throw new UnsupportedError(`compressed state files (${this.blobs.locate(compressed)})`);
    return false;
  }

  /** @throws StackNotFoundError, and what `readCheckpoint` throws. */
  async read(stack: StackReference): Promise<Deployment> {
    await this.#checkLayout();
    const deployment = await this.find(stack);
    if (deployment === undefined) throw new StackNotFoundError(stack.name);
    return deployment;
  }

  /** The deployment of a stack that may not exist. */
  async find(stack: StackReference): Promise<Deployment | undefined> {
    return readCheckpoint(this.blobs, stackKeys(stack), this.#readOptions);
  }

  /** Replaces the state of a stack whose lock the caller holds. */
  async write(stack: StackReference, deployment: Deployment): Promise<void> {
    await writeCheckpoint(this.blobs, stackKeys(stack), qualifiedName(stack), deployment);
  }

  /** @throws StackExistsError, StackLockedError */
  async create(stack: StackReference): Promise<void> {
    await this.prepare();
    await this.locked(stack, async () => {
      const text = checkpointText(qualifiedName(stack), undefined);
      if ((await this.exists(stack)) || !(await this.blobs.create(stackKeys(stack).state, text)))
        throw new StackExistsError(qualifiedName(stack));
    });
  }

  /** @throws StackNotEmptyError unless `force`, when it still has resources. */
  async remove(stack: StackReference, options: { force: boolean; removeBackups: boolean }): Promise<void> {
    const { blobs } = this;
    const keys = stackKeys(stack);
    await this.locked(stack, async () => {
      if (!options.force) {
        const resources = (await this.read(stack)).resources ?? [];
        if (resources.some((resource) => !isRootStack(resource))) throw new StackNotEmptyError(stack.name);
      }
      // the state goes, its copy beside it stays: as Pulumi does
      if (!options.removeBackups) await blobs.copy(keys.state, keys.stateBackup);
      else {
        await blobs.remove(keys.stateBackup);
        await blobs.removeFolder(keys.backups);
      }
      await blobs.remove(keys.state);
      await blobs.remove(keys.tags);
      await blobs.removeFolder(keys.history);
    });
    await blobs.removeFolder(keys.locks);
  }

  /**
   * Gives a stack another name, in its state, its history and its tags.
   * @throws StackExistsError
   */
  async rename(stack: StackReference, to: StackReference): Promise<void> {
    const { blobs } = this;
    await this.locked(stack, async () => {
      if (await this.exists(to)) throw new StackExistsError(qualifiedName(to));
      const deployment = await this.read(stack);
      const tags = await this.tags(stack);
      // the new one is whole before the old one goes: a rename that is killed leaves a stack too many, none too few
      await this.write(to, renamedStack(deployment, stack, to));
      await writeTags(blobs, stackKeys(to).tags, tags);
      await renameHistory(blobs, { stack, keys: stackKeys(stack) }, { stack: to, keys: stackKeys(to) });
      const old = stackKeys(stack);
      await blobs.copy(old.state, old.stateBackup);
      await blobs.remove(old.state);
      await blobs.remove(old.tags);
    });
    await blobs.removeFolder(stackKeys(stack).locks);
  }

  async tags(stack: StackReference): Promise<Record<string, string>> {
    return readTags(this.blobs, stackKeys(stack).tags);
  }

  async setTags(stack: StackReference, tags: Readonly<Record<string, string>>): Promise<void> {
    await writeTags(this.blobs, stackKeys(stack).tags, tags);
  }

  /** Every stack of the store, by project and name. */
  async list(): Promise<StackSummary[]> {
    await this.#checkLayout();
    const stacks: StackReference[] = [];
    for (const key of await this.blobs.list(storeKeys.stacks)) {
      const [project, file, ...deeper] = key.slice(storeKeys.stacks.length + 1).split("/");
      if (project === undefined || file === undefined || deeper.length > 0 || !file.endsWith(".json")) continue;
      stacks.push({ project, name: file.slice(0, -".json".length) });
    }
    return Promise.all(stacks.map((stack) => this.#summary(stack)));
  }

  async lock(stack: StackReference): Promise<StackLock> {
    const lock = await lockStack(this.blobs, stackKeys(stack).locks, this.#warn);
    await this.blobs.removeLeftOvers(stackKeys(stack).state);
    return lock;
  }

  async locked<T>(stack: StackReference, run: () => Promise<T>): Promise<T> {
    const lock = await this.lock(stack);
    try {
      return await run();
    } finally {
      await lock.release();
    }
  }

  /** Makes the store ready for its first stack; shows thereby that it can be written to. */
  async prepare(): Promise<void> {
    if (!(await this.#checkLayout())) await this.blobs.replace(storeKeys.meta, `version: ${layoutVersion}\n`);
  }

  async #summary(stack: StackReference): Promise<StackSummary> {
    const deployment = await this.#readable(stack);
    const time = deployment?.manifest?.["time"];
    return {
      stack,
      lastUpdate: typeof time === "string" ? time : undefined,
      resourceCount: typeof time === "string" ? (deployment?.resources ?? []).length : undefined,
      updateInProgress: await isLocked(this.blobs, stackKeys(stack).locks),
    };
  }

  /** A list of stacks is of use even if the state of one is not. */
  async #readable(stack: StackReference): Promise<Deployment | undefined> {
    try {
      return await this.find(stack);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.#warn(error.message);
      return undefined;
    }
  }

  /** @returns Whether the store says which layout it has; a new one does not yet. */
  async #checkLayout(): Promise<boolean> {
    const { blobs } = this;
    const where = blobs.locate(storeKeys.meta);
    const text = await blobs.read(storeKeys.meta);
    if (text === undefined) {
      const keys = await blobs.list(storeKeys.stacks);
      if (keys.some((key) => key.endsWith(".json") && !key.slice(storeKeys.stacks.length + 1).includes("/")))
        throw new EngineError(
          "STATE_LAYOUT",
          `${blobs.locate(storeKeys.root)} holds stacks in the layout without projects`,
          { remedy: "`pulumi state upgrade` of Pulumi's own command line brings them to the layout of today." },
        );
      return false;
    }
    const version = (parse(text) as { version?: unknown } | null)?.version;
    if (version !== layoutVersion)
      throw new EngineError(
        "STATE_LAYOUT",
        `${where} has version ${String(version)}; this engine knows ${layoutVersion}`,
      );
    return true;
  }
}
