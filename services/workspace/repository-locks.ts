/** A lock that is held. */
export interface HeldLock {
  /** Fires when the lock was lost (the database went away): what it protected must stop. */
  readonly lost: AbortSignal;
  /** Idempotent. */
  release(): Promise<void>;
}

/**
 * Mutual exclusion by name, between all tasks on one volume, whatever process they run in. Not re-entrant: whoever asks
 * twice for one name waits for himself. Order, where two are held: a workspace's before a repository's, never two of a
 * kind. A holder that crashes loses its locks.
 */
export interface RepositoryLocks {
  /** Waits its turn. Rejects with the signal's reason when it fires first. */
  acquire(name: string, options: { readonly signal: AbortSignal }): Promise<HeldLock>;
  /** Gives all locks back and takes no more. Idempotent. */
  close(): Promise<void>;
}

export const repositoryLockName = (workspaceId: string, repository: string): string =>
  `repository ${workspaceId} ${repository}`;
export const workspaceLockName = (workspaceId: string): string => `workspace ${workspaceId}`;

/** Runs `work` under a lock; its signal fires when `signal` does, and when the lock is lost. */
export async function withLock<Result>(
  locks: RepositoryLocks,
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const lock = await locks.acquire(name, { signal });
  try {
    return await work(AbortSignal.any([signal, lock.lost]));
  } finally {
    await lock.release();
  }
}

/** Locks within this process: first come, first served. Enough where one process does all the work. */
export class InMemoryRepositoryLocks implements RepositoryLocks {
  /** Of each name that is held: those who wait for it. */
  readonly #waiting = new Map<string, Set<() => void>>();

  async acquire(name: string, { signal }: { readonly signal: AbortSignal }): Promise<HeldLock> {
    signal.throwIfAborted();
    const queue = this.#waiting.get(name);
    if (queue === undefined) this.#waiting.set(name, new Set());
    else await waitTurn(queue, signal);
    let held = true;
    return {
      lost: new AbortController().signal,
      release: async () => {
        if (held) this.#passOn(name);
        held = false;
      },
    };
  }

  async close(): Promise<void> {
    // Nothing is held outside this process.
  }

  #passOn(name: string): void {
    const queue = this.#waiting.get(name);
    const [next] = queue ?? [];
    if (next === undefined) this.#waiting.delete(name);
    else next();
  }
}

function waitTurn(queue: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      queue.delete(turn);
      reject(signal.reason as Error);
    };
    const turn = () => {
      queue.delete(turn);
      signal.removeEventListener("abort", abort);
      resolve();
    };
    queue.add(turn);
    signal.addEventListener("abort", abort, { once: true });
  });
}
