/** A folder that holds stacks as Pulumi's file backend lays them out. */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { readCheckpoint, writeCheckpoint } from "./checkpoint-file.ts";
import type { Deployment } from "./deployment.ts";
import { isRootStack } from "./deployment.ts";
import { EngineError, StackExistsError, StackNotEmptyError, StackNotFoundError, UnsupportedError } from "./errors.ts";
import { isNotFound, readIfExists, writeFileAtomic } from "./files.ts";
import type { StateStore } from "./locations.ts";
import { isLocked, lockStack, type StackLock } from "./lock.ts";
import { qualifiedName, stackFiles, type StackFiles, type StackReference } from "./stack-reference.ts";

/** The layout that keeps a project's stacks in a folder of their own. */
const layoutVersion = 1;

export interface StackSummary {
  readonly stack: StackReference;
  /** ISO time; undefined when nothing was ever deployed. */
  readonly lastUpdate: string | undefined;
  readonly resourceCount: number | undefined;
  readonly updateInProgress: boolean;
}

export class StackStore {
  readonly url: string;
  readonly #folder: string;
  readonly #warn: (message: string) => void;

  constructor(store: StateStore, warn: (message: string) => void) {
    this.url = store.url;
    this.#folder = store.folder;
    this.#warn = warn;
  }

  files(stack: StackReference): StackFiles {
    return stackFiles(this.#folder, stack);
  }

  /** @throws UnsupportedError when its state is there, but compressed. */
  async exists(stack: StackReference): Promise<boolean> {
    const { state } = this.files(stack);
    const compressed = [".gz", ".zst"].map((extension) => state + extension).find((file) => existsSync(file));
    if (compressed !== undefined) throw new UnsupportedError(`compressed state files (${compressed})`);
    return existsSync(state);
  }

  /** @throws StackNotFoundError, and what `readCheckpoint` throws. */
  async read(stack: StackReference): Promise<Deployment> {
    await this.#checkLayout();
    const deployment = await readCheckpoint(this.files(stack));
    if (deployment === undefined) throw new StackNotFoundError(stack.name);
    return deployment;
  }

  /** The deployment of a stack that may not exist. */
  async find(stack: StackReference): Promise<Deployment | undefined> {
    return readCheckpoint(this.files(stack));
  }

  /** Replaces the state of a stack whose lock the caller holds. */
  async write(stack: StackReference, deployment: Deployment): Promise<void> {
    await writeCheckpoint(this.files(stack), qualifiedName(stack), deployment);
  }

  /** @throws StackExistsError, StackLockedError */
  async create(stack: StackReference): Promise<void> {
    await this.#checkLayout();
    await this.locked(stack, async () => {
      if (await this.exists(stack)) throw new StackExistsError(qualifiedName(stack));
      await writeCheckpoint(this.files(stack), qualifiedName(stack), undefined);
    });
  }

  /** @throws StackNotEmptyError unless `force`, when it still has resources. */
  async remove(stack: StackReference, options: { force: boolean; removeBackups: boolean }): Promise<void> {
    await this.locked(stack, async () => {
      const files = this.files(stack);
      if (!options.force) {
        const resources = (await this.read(stack)).resources ?? [];
        if (resources.some((resource) => !isRootStack(resource))) throw new StackNotEmptyError(stack.name);
      }
      if (options.removeBackups) {
        await rm(files.stateBackup, { force: true });
        await rm(files.backups, { recursive: true, force: true });
        await rm(files.state, { force: true });
      } else await this.#keepBackup(files);
      await rm(files.history, { recursive: true, force: true });
    });
    await rm(this.files(stack).locks, { recursive: true, force: true });
  }

  /** Every stack of the store, by project and name. */
  async list(): Promise<StackSummary[]> {
    const root = join(this.#folder, ".pulumi", "stacks");
    const stacks: StackReference[] = [];
    for (const project of await folderEntries(root))
      for (const file of await folderEntries(join(root, project)))
        if (file.endsWith(".json")) stacks.push({ project, name: file.slice(0, -".json".length) });
    return Promise.all(stacks.map((stack) => this.#summary(stack)));
  }

  async lock(stack: StackReference): Promise<StackLock> {
    return lockStack(this.files(stack).locks, this.#warn);
  }

  async locked<T>(stack: StackReference, run: () => Promise<T>): Promise<T> {
    const lock = await this.lock(stack);
    try {
      return await run();
    } finally {
      await lock.release();
    }
  }

  async #summary(stack: StackReference): Promise<StackSummary> {
    const deployment = await this.#readable(stack);
    const time = deployment?.manifest?.["time"];
    return {
      stack,
      lastUpdate: typeof time === "string" ? time : undefined,
      resourceCount: typeof time === "string" ? (deployment?.resources ?? []).length : undefined,
      updateInProgress: await isLocked(this.files(stack).locks),
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

  /** The state goes, its copy beside it stays: as Pulumi does. */
  async #keepBackup(files: StackFiles): Promise<void> {
    const text = await readIfExists(files.state);
    if (text !== undefined) await writeFileAtomic(files.stateBackup, text);
    await rm(files.state, { force: true });
  }

  async #checkLayout(): Promise<void> {
    const file = join(this.#folder, ".pulumi", "meta.yaml");
    const text = await readIfExists(file);
    if (text === undefined) {
      if ((await folderEntries(join(this.#folder, ".pulumi", "stacks"))).some((name) => name.endsWith(".json")))
        throw new EngineError("STATE_LAYOUT", `${this.#folder}/.pulumi holds stacks in the layout without projects`, {
          remedy: "`pulumi state upgrade` of Pulumi's own command line brings them to the layout of today.",
        });
      await writeFileAtomic(file, `version: ${layoutVersion}\n`);
      return;
    }
    const version = (parse(text) as { version?: unknown } | null)?.version;
    if (version !== layoutVersion)
      throw new EngineError(
        "STATE_LAYOUT",
        `${file} has version ${String(version)}; this engine knows ${layoutVersion}`,
      );
  }
}

async function folderEntries(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
