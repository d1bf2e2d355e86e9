/** Where the gateway learns what a workspace may reach. */
export interface EgressRuleStore {
  /**
   * The workspace's own rules, beside the stack's defaults. Undefined: there is no such workspace.
   * Rejects when the store cannot be asked.
   */
  rulesOf(workspaceId: string): Promise<readonly string[] | undefined>;
}

interface Entry {
  readonly rules: readonly string[] | undefined;
  readonly readAtMs: number;
}

/**
 * Keeps answers for some seconds, asks once for all who ask at the same time, and lives through a short outage of the
 * store below with what it knew.
 */
export class CachedEgressRuleStore implements EgressRuleStore {
  readonly #store: EgressRuleStore;
  readonly #freshMs: number;
  readonly #staleMs: number;
  readonly #maxEntries: number;
  readonly #now: () => number;
  /** In order of the last read: the first is the one to drop. */
  readonly #entries = new Map<string, Entry>();
  readonly #asking = new Map<string, Promise<readonly string[] | undefined>>();

  constructor(deps: {
    readonly store: EgressRuleStore;
    /** How long an answer is used without asking again. @default 3000 */
    readonly freshMs?: number;
    /** How long an answer is used when asking again fails. @default 60000 */
    readonly staleMs?: number;
    /** @default 10000 */
    readonly maxEntries?: number;
    readonly now?: () => number;
  }) {
    this.#store = deps.store;
    this.#freshMs = deps.freshMs ?? 3_000;
    this.#staleMs = deps.staleMs ?? 60_000;
    this.#maxEntries = deps.maxEntries ?? 10_000;
    this.#now = deps.now ?? (() => performance.now());
  }

  async rulesOf(workspaceId: string): Promise<readonly string[] | undefined> {
    const known = this.#entries.get(workspaceId);
    if (known !== undefined && this.#now() - known.readAtMs < this.#freshMs) return known.rules;
    try {
      return await this.#ask(workspaceId);
    } catch (error) {
      if (known !== undefined && this.#now() - known.readAtMs < this.#staleMs) return known.rules;
      throw error;
    }
  }

  #ask(workspaceId: string): Promise<readonly string[] | undefined> {
    const asked = this.#asking.get(workspaceId);
    if (asked !== undefined) return asked;
    const readAtMs = this.#now();
    const answer = this.#store
      .rulesOf(workspaceId)
      .then((rules) => {
        this.#remember(workspaceId, { rules, readAtMs });
        return rules;
      })
      .finally(() => this.#asking.delete(workspaceId));
    this.#asking.set(workspaceId, answer);
    return answer;
  }

  #remember(workspaceId: string, entry: Entry): void {
    this.#entries.delete(workspaceId);
    this.#entries.set(workspaceId, entry);
    const oldest = this.#entries.keys().next();
    if (this.#entries.size > this.#maxEntries && !oldest.done) this.#entries.delete(oldest.value);
  }
}
