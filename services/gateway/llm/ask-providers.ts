import { setTimeout as delay } from "node:timers/promises";
import type { LlmTarget } from "../../../contracts/llm.ts";
import { NoSlotError } from "./call-slots.ts";
import { LlmRateLimitedError, ProviderFailedError, ProviderRefusedError } from "./errors.ts";
import type { LlmLimits } from "./limits.ts";
import type { Provider, StreamedAnswer, WholeAnswer } from "./provider.ts";
import { UpstreamFailure } from "./upstream-failure.ts";

export interface AskOptions {
  /** The name in the configuration. */
  readonly model: string;
  readonly targets: readonly LlmTarget[];
  readonly providers: ReadonlyMap<string, Provider>;
  readonly workspaceId: string;
  readonly stream: boolean;
  readonly bodyFor: (provider: Provider, model: string) => string;
  readonly limits: LlmLimits;
  /** Fires when the client leaves. */
  readonly signal: AbortSignal;
  /** Told of each attempt before it is made. */
  readonly onAttempt: () => void;
  readonly onFailure: (target: LlmTarget, failure: UpstreamFailure) => void;
}

/** An answer, and the provider's slot that it takes until `release` is called. */
export interface Answered {
  readonly provider: Provider;
  readonly answer: WholeAnswer | StreamedAnswer;
  readonly release: () => void;
}

const MAX_BACKOFF_MS = 8_000;

/**
 * Asks the targets of a model in turn, each more than once where its failure may pass, until one answers.
 *
 * @throws LlmRateLimitedError when all that failed were asked too much, ProviderFailedError otherwise,
 *   ProviderRefusedError for a mistake in the request, and the signal's reason when it fires
 */
export async function askProviders(options: AskOptions): Promise<Answered> {
  const deadlineMs = performance.now() + options.limits.retryWithinMs;
  const failures: UpstreamFailure[] = [];
  for (const [index, target] of options.targets.entries()) {
    const hasNext = index + 1 < options.targets.length;
    const answered = await askTarget(options, target, { deadlineMs, hasNext, failures });
    if (answered !== undefined) return answered;
    if (performance.now() >= deadlineMs) break;
  }
  throw verdict(options.model, failures);
}

async function askTarget(
  options: AskOptions,
  target: LlmTarget,
  turn: { readonly deadlineMs: number; readonly hasNext: boolean; readonly failures: UpstreamFailure[] },
): Promise<Answered | undefined> {
  const { limits, signal } = options;
  const provider = options.providers.get(target.provider);
  if (provider === undefined) throw new Error(`provider ${target.provider} is not configured`); // the schema has seen to it
  for (let attempt = 1; ; attempt++) {
    const result = await attemptOnce(options, provider, target);
    if (!(result instanceof UpstreamFailure)) return result;
    turn.failures.push(result);
    options.onFailure(target, result);
    if (!result.isPassing || attempt >= limits.attemptsPerTarget) return undefined;
    // Another provider is there now: no reason to wait for one that has too much to do.
    if (result.reason === "rate_limited" && turn.hasNext) return undefined;
    const waitMs = waitBefore(attempt, result, limits);
    if (waitMs === undefined || performance.now() + waitMs > turn.deadlineMs) return undefined;
    await delay(waitMs, undefined, { signal });
  }
}

async function attemptOnce(
  options: AskOptions,
  provider: Provider,
  target: LlmTarget,
): Promise<Answered | UpstreamFailure> {
  const { limits, signal, stream, workspaceId } = options;
  const { circuit } = provider;
  if (circuit.restsForMs > 0) return openCircuit(circuit.restsForMs);
  let release: () => void;
  try {
    release = await provider.slots.acquire(workspaceId, signal, limits.slotWaitMs);
  } catch (error) {
    if (error instanceof NoSlotError) return new UpstreamFailure("no_slot", { isPassing: false, cause: error });
    throw error;
  }
  if (!circuit.tryEnter()) {
    release();
    return openCircuit(circuit.restsForMs);
  }
  try {
    options.onAttempt();
    const answer = await provider.call(options.bodyFor(provider, target.model), { stream, signal });
    circuit.succeeded();
    return { provider, answer, release };
  } catch (error) {
    release();
    if (!(error instanceof UpstreamFailure)) {
      // Who finds a mistake in a request is up; of a client that left nothing can be said.
      if (error instanceof ProviderRefusedError) circuit.succeeded();
      else circuit.withdrawn();
      throw error;
    }
    if (error.isOutage) circuit.failed();
    else circuit.withdrawn();
    return error;
  }
}

const openCircuit = (retryAfterMs: number): UpstreamFailure =>
  new UpstreamFailure("circuit_open", { isPassing: false, retryAfterMs });

/** Milliseconds to wait after an attempt; undefined when the provider asks for more than is waited. */
function waitBefore(attempt: number, failure: UpstreamFailure, limits: LlmLimits): number | undefined {
  const backoffMs = Math.min(limits.firstBackoffMs * 2 ** (attempt - 1), MAX_BACKOFF_MS) * (0.5 + Math.random() / 2);
  const askedMs = failure.retryAfterMs ?? 0;
  return askedMs > limits.maxRetryAfterMs ? undefined : Math.max(backoffMs, askedMs);
}

function verdict(model: string, failures: readonly UpstreamFailure[]): Error {
  const reasons = [...new Set(failures.map(({ message }) => message))].join(", ");
  const waits = failures.flatMap(({ retryAfterMs }) => (retryAfterMs === undefined ? [] : [retryAfterMs]));
  const retryAfterSeconds = Math.ceil(Math.min(...waits, 3_600_000) / 1_000);
  const cause = failures.at(-1);
  if (failures.length > 0 && failures.every(({ reason }) => reason === "rate_limited" || reason === "no_slot")) {
    const reason = `the providers of model ${model} take no more calls at present`;
    return new LlmRateLimitedError(reason, waits.length === 0 ? 2 : retryAfterSeconds, cause);
  }
  return new ProviderFailedError(model, reasons, { cause, ...(waits.length > 0 && { retryAfterSeconds }) });
}
