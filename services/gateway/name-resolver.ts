import { lookup } from "node:dns/promises";

/** All addresses of a name, in the order in which to try them. Rejects when it has none, or the signal fires. */
export type ResolveName = (name: string, options: { readonly signal: AbortSignal }) => Promise<readonly string[]>;

/** Resolves as every program of this machine does: hosts file, search order and name servers included. */
export const resolveBySystem: ResolveName = async (name) => {
  const addresses = await lookup(name, { all: true, order: "verbatim" });
  return addresses.map(({ address }) => address);
};

/**
 * Bounds what one workspace can take of the resolver: the system resolves a few names at a time for the whole process,
 * so that names of a slow name server could hold up everybody else's.
 */
export class FairResolver {
  readonly #resolve: ResolveName;
  readonly #perWorkspace: number;
  readonly #waiting = new Map<string, { running: number; readonly queue: (() => void)[] }>();

  /** `perWorkspace`: lookups that one workspace has going at once; further ones wait. @default 2 */
  constructor(deps: { readonly resolve: ResolveName; readonly perWorkspace?: number }) {
    this.#resolve = deps.resolve;
    this.#perWorkspace = deps.perWorkspace ?? 2;
  }

  /** Rejects with the signal's reason when it fires first; the lookup below counts until it has really ended. */
  async resolve(workspaceId: string, name: string, signal: AbortSignal): Promise<readonly string[]> {
    const aborted = new Promise<never>((_resolve, reject) => {
      const fail = () => reject(signal.reason as Error);
      if (signal.aborted) fail();
      else signal.addEventListener("abort", fail, { once: true });
    });
    aborted.catch(() => undefined); // it may lose the race, and then nobody looks at it
    return Promise.race([this.#inTurn(workspaceId, () => this.#resolve(name, { signal }), signal), aborted]);
  }

  async #inTurn<T>(workspaceId: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const state = this.#waiting.get(workspaceId) ?? { running: 0, queue: [] };
    this.#waiting.set(workspaceId, state);
    if (state.running >= this.#perWorkspace) await new Promise<void>((resolve) => state.queue.push(resolve));
    else state.running += 1;
    try {
      signal.throwIfAborted();
      return await work();
    } finally {
      const next = state.queue.shift();
      if (next !== undefined) next();
      else state.running -= 1;
      if (state.running === 0) this.#waiting.delete(workspaceId);
    }
  }
}
