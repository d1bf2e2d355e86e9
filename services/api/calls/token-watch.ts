import type { FastifyBaseLogger } from "fastify";
import type { TokenStore } from "../token-store.ts";

/** Who revokes a token sees what it had opened end within this. */
const EVERY_MS = 2_000;

/**
 * Looks after the tokens of connections that outlive the request that opened them: one that is revoked, or expires,
 * ends what it has opened. All that are held cost one query at a time; a database that is away ends nothing.
 */
export class TokenWatch {
  readonly #tokens: Pick<TokenStore, "stillGood">;
  readonly #log: FastifyBaseLogger;
  readonly #held = new Map<string, Set<() => void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: { readonly tokens: Pick<TokenStore, "stillGood">; readonly log: FastifyBaseLogger }) {
    this.#tokens = deps.tokens;
    this.#log = deps.log;
  }

  /** Calls `end` once when the token is good no more. Call what it answers when there is nothing left to end. */
  hold(tokenId: string, end: () => void): () => void {
    const own = this.#held.get(tokenId) ?? new Set();
    this.#held.set(tokenId, own.add(end));
    this.#schedule();
    return () => {
      own.delete(end);
      if (own.size === 0 && this.#held.get(tokenId) === own) this.#held.delete(tokenId);
    };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#held.clear();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#held.size === 0) return;
    this.#timer = setTimeout(() => void this.#look(), EVERY_MS).unref();
  }

  async #look(): Promise<void> {
    const asked = [...this.#held.keys()];
    try {
      const good = new Set(await this.#tokens.stillGood(asked));
      for (const tokenId of asked.filter((id) => !good.has(id))) {
        const ends = this.#held.get(tokenId) ?? [];
        this.#held.delete(tokenId);
        for (const end of ends) end();
      }
    } catch (error) {
      this.#log.warn({ event: "tokens_not_looked_at", err: error }, "whether tokens are good still is not known");
    }
    this.#timer = undefined;
    this.#schedule();
  }
}
