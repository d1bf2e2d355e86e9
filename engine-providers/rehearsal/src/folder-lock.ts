/** One process at a time in the rehearsal's folder: for milliseconds, while an action is decided and written down. */
import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Longer than any action takes: an owner on another machine that is silent for so long is taken for dead. */
const PATIENCE_MS = 30_000;

/** The folder stays locked. */
export class FolderLockedError extends Error {
  override readonly name = "FolderLockedError";

  constructor(file: string, owner: string) {
    super(
      `${file} has been held by process ${owner} for ${PATIENCE_MS / 1_000} s; end that process, or remove the file`,
    );
  }
}

export class FolderLock {
  readonly #file: string;
  /** Actions of this process, one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(folder: string) {
    this.#file = join(folder, "lock");
  }

  /** Runs `work`, which must not wait for anything, alone among all processes. @throws FolderLockedError */
  run<T>(work: () => T): Promise<T> {
    const mine = this.#queue.then(async () => {
      await this.#take();
      try {
        return work();
      } finally {
        rmSync(this.#file, { force: true });
      }
    });
    this.#queue = mine.catch(() => undefined);
    return mine;
  }

  async #take(): Promise<void> {
    const claim = `${this.#file}.${process.pid}.${randomBytes(4).toString("hex")}`;
    const deadline = Date.now() + PATIENCE_MS;
    writeFileSync(claim, String(process.pid));
    try {
      while (!link(claim, this.#file)) {
        const owner = read(this.#file);
        if (owner !== undefined && owner !== "" && !isAlive(Number(owner))) this.#removeOf(owner);
        else if (Date.now() > deadline) throw new FolderLockedError(this.#file, owner ?? "unknown");
        else await new Promise((resolve) => setTimeout(resolve, 2 + Math.random() * 8));
      }
    } finally {
      rmSync(claim, { force: true });
    }
  }

  /** Removes the lock of a dead process, unless another has taken it since it was read. */
  #removeOf(owner: string): void {
    const aside = `${this.#file}.stale.${randomBytes(4).toString("hex")}`;
    try {
      renameSync(this.#file, aside);
    } catch {
      return;
    }
    if (read(aside) !== owner) link(aside, this.#file);
    rmSync(aside, { force: true });
  }
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
