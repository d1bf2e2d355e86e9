/** Applies steps: in order within a chain, chains at once, as many as allowed. */
import type { ResourceState, StepOp } from "../../model.ts";
import { messageOf, PluginCrashedError } from "../errors.ts";
import type { EventSink, StepDescription } from "../events.ts";
import { containsSecrets, makeSecret } from "../property/value.ts";
import { Semaphore } from "../semaphore.ts";
import { DeleteProtectedError } from "./delete-step.ts";
import { SameStep } from "./same-step.ts";
import { outputsWithSecrets, PartialFailureError } from "./step.ts";
import type { Step, StepContext } from "./step.ts";

interface ExecutorDeps {
  context: StepContext;
  events: EventSink;
  parallel: number;
  /** Fires when no further step may begin. */
  signal: AbortSignal;
  /** A step failed: by default nothing that has not begun may begin. */
  onFailure: (error: unknown) => void;
}

export class StepExecutor {
  readonly #deps: ExecutorDeps;
  readonly #slots: Semaphore;
  readonly #counts: Partial<Record<StepOp, number>> = {};
  readonly #failed: Step[] = [];
  /** Registered resources whose outputs the program has not completed yet. */
  readonly #open = new Map<string, Step>();
  readonly #news = new Map<string, ResourceState>();
  readonly #running = new Set<Promise<void>>();
  #steps = 0;

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
    this.#slots = new Semaphore(deps.parallel);
  }

  get changes(): Partial<Record<StepOp, number>> {
    return this.#counts;
  }

  get failedSteps(): readonly Step[] {
    return this.#failed;
  }

  /** A resource as this operation left it. */
  find(urn: string): ResourceState | undefined {
    return this.#news.get(urn);
  }

  /** Resolves when the chain ended, for whatever reason. */
  async runChain(steps: readonly Step[]): Promise<void> {
    if (steps.length === 0) return;
    const work = this.#slots.run(() => this.#runChain(steps));
    this.#running.add(work);
    await work;
    this.#running.delete(work);
  }

  async runParallel(steps: readonly Step[]): Promise<void> {
    await Promise.all(steps.map((step) => this.runChain([step])));
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  /** @throws Error when the resource is not registered, or was completed before. */
  completeOutputs(urn: string, outputs: NonNullable<ResourceState["outputs"]>): void {
    const step = this.#open.get(urn);
    if (step?.new === undefined)
      throw new Error(`cannot complete a resource '${urn}' whose registration isn't pending`);
    this.#open.delete(urn);
    if (step instanceof SameStep && step.skippedCreate) return;
    step.new.outputs = outputs;
    if (!step.internal) this.#deps.events.resourceOutputs(step);
    this.#deps.context.journal.touch(step.new);
  }

  async #runChain(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (this.#deps.signal.aborted) return;
      try {
        await this.#runStep(step);
      } catch (error) {
        this.#failed.push(step);
        this.#deps.onFailure(error);
        return;
      }
    }
  }

  async #runStep(step: Step): Promise<void> {
    const { events, context } = this.#deps;
    if (!step.internal) events.resourcePre(step);
    try {
      await step.begin();
      await step.apply();
    } catch (error) {
      this.#report(step, error);
      const partial = error instanceof PartialFailureError;
      if (partial) this.#finish(step);
      // What a plugin began before it was gone may be there: the state says so.
      step.end(partial ? "partial" : error instanceof PluginCrashedError ? "unknown" : "failed");
      throw error;
    }
    this.#finish(step);
    if (step.logical && step.new !== undefined) this.#open.set(step.urn, step);
    if (!step.internal) {
      if (step.countedAs !== undefined) {
        this.#steps += 1;
        this.#counts[step.countedAs] = (this.#counts[step.countedAs] ?? 0) + 1;
      }
      if (context.dryRun || isWorthTelling(step)) events.resourceOutputs(describe(step));
    }
    step.end("done");
    step.settle();
  }

  #finish(step: Step): void {
    if (step.new === undefined || step.op === "replace") return;
    step.new.outputs = outputsWithSecrets(
      this.#deps.context,
      step.new,
      step.new.outputs ?? {},
      makeSecret,
      containsSecrets,
    );
    this.#news.set(step.urn, step.new);
  }

  #report(step: Step, error: unknown): void {
    const { events, context } = this.#deps;
    const urn = step.internal ? "" : step.urn;
    if (context.dryRun) context.diagnostics.error(urn, `Preview failed: ${messageOf(error)}`);
    else {
      context.diagnostics.error(urn, messageOf(error));
      if (!step.internal) events.resourceFailed(step, this.#steps);
    }
  }
}

/** What is refused for being protected stops what needs it, and nothing else. */
export function stopsEverything(error: unknown): boolean {
  return !(error instanceof DeleteProtectedError);
}

/** A component tells its end by its outputs. */
function isWorthTelling(step: Step): boolean {
  return step.op === "refresh" || step.op === "delete" || (step.new ?? step.old)?.custom === true;
}

/** A refresh is told as what it found. */
function describe(step: Step): StepDescription {
  if (step.op !== "refresh" || step.countedAs === undefined) return step;
  const { urn, type, provider, old, keys, diffs, detailedDiff, logical } = step;
  return {
    op: step.countedAs,
    urn,
    type,
    provider,
    old,
    new: step.new,
    logical,
    detailedDiff,
    ...(keys && { keys }),
    ...(diffs && { diffs }),
  };
}
