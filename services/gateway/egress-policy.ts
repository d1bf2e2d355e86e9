import { classifyAddress } from "./address-guard.ts";
import type { EgressRuleStore } from "./egress-rule-store.ts";
import { compileEgressRules, type EgressRules } from "./egress-rules.ts";
import type { FairResolver } from "./name-resolver.ts";
import {
  ForbiddenAddressError,
  InternalAddressError,
  NameNotResolvedError,
  NotAllowedError,
  RulesUnavailableError,
  UpstreamTimeoutError,
  WorkspaceUnknownError,
} from "./refusals.ts";
import type { EgressTarget } from "./target.ts";

/** Decides where a workspace's traffic may go. */
export class EgressPolicy {
  readonly #store: EgressRuleStore;
  readonly #defaultRules: readonly string[];
  readonly #resolver: FairResolver;
  readonly #resolveTimeoutMs: number;
  readonly #isProtected: (address: string, port: number) => boolean;
  readonly #onInvalidRule: (workspaceId: string, rule: string) => void;
  /** Compiled once for each answer of the store. */
  readonly #compiled = new WeakMap<readonly string[], EgressRules>();

  constructor(deps: {
    readonly store: EgressRuleStore;
    /** Rules of every workspace. */
    readonly defaultRules: readonly string[];
    readonly resolver: FairResolver;
    /** @default 10000 */
    readonly resolveTimeoutMs?: number;
    /** Endpoints of the platform itself, closed whatever is listed. @default none */
    readonly isProtected?: (address: string, port: number) => boolean;
    readonly onInvalidRule?: (workspaceId: string, rule: string) => void;
  }) {
    this.#store = deps.store;
    this.#defaultRules = deps.defaultRules;
    this.#resolver = deps.resolver;
    this.#resolveTimeoutMs = deps.resolveTimeoutMs ?? 10_000;
    this.#isProtected = deps.isProtected ?? (() => false);
    this.#onInvalidRule = deps.onInvalidRule ?? (() => undefined);
  }

  /**
   * The addresses to connect to: these and no others, without resolving again, so that a name which answers something
   * else the second time gains nothing. One address that may not be reached refuses the name as a whole.
   *
   * @throws EgressRefusedError
   */
  async decide(workspaceId: string, target: EgressTarget, signal: AbortSignal): Promise<readonly string[]> {
    const own = await this.#store.rulesOf(workspaceId).catch((error: unknown) => {
      throw new RulesUnavailableError(error);
    });
    if (own === undefined) throw new WorkspaceUnknownError(workspaceId);
    const rules = this.#compile(workspaceId, own);
    if (!rules.allows(target)) throw new NotAllowedError(workspaceId, target);

    const addresses = target.isAddress ? [target.host] : await this.#resolve(workspaceId, target, signal);
    const listed = rules.lists(target);
    for (const address of addresses) {
      const kind = classifyAddress(address);
      if (kind === "forbidden" || this.#isProtected(address, target.port)) {
        throw new ForbiddenAddressError(target, address);
      }
      if (kind === "internal" && !listed) throw new InternalAddressError(workspaceId, target, address);
    }
    return addresses;
  }

  #compile(workspaceId: string, own: readonly string[]): EgressRules {
    const known = this.#compiled.get(own);
    if (known !== undefined) return known;
    const rules = compileEgressRules([...this.#defaultRules, ...own], (rule) => this.#onInvalidRule(workspaceId, rule));
    this.#compiled.set(own, rules);
    return rules;
  }

  async #resolve(workspaceId: string, target: EgressTarget, signal: AbortSignal): Promise<readonly string[]> {
    const deadline = AbortSignal.timeout(this.#resolveTimeoutMs);
    try {
      const addresses = await this.#resolver.resolve(workspaceId, target.host, AbortSignal.any([signal, deadline]));
      if (addresses.length === 0) throw new Error("the answer is empty");
      return addresses;
    } catch (error) {
      if (deadline.aborted) throw new UpstreamTimeoutError(target, "was not resolved", this.#resolveTimeoutMs);
      throw new NameNotResolvedError(target, error);
    }
  }
}
