/** Applies steps: in order within a chain, chains at once, as many as allowed. */
import { status } from "@grpc/grpc-js";
import type { ResourceState, StepOp } from "../../model.ts";
import { messageOf, PluginCrashedError } from "../errors.ts";
import type { EventSink, StepDescription } from "../events.ts";
import { RpcError } from "../protocol/rpc-error.ts";
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
  #maybeCorrupt = false;

  constructor(deps: ExecutorDeps) {
    this.#deps = deps;
    this.#slots = new Semaphore(deps.parallel);
  }

  get changes(): Partial<Record<StepOp, number>> {
    return this.#counts;
  }

  /** A step failed in a way that leaves open what it did. */
  get maybeCorrupt(): boolean {
    return this.#maybeCorrupt;
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
  async completeOutputs(urn: string, outputs: NonNullable<ResourceState["outputs"]>): Promise<void> {
    const step = this.#open.get(urn);
    if (step?.new === undefined)
      throw new Error(`cannot complete a resource '${urn}' whose registration isn't pending`);
    this.#open.delete(urn);
    if (step instanceof SameStep && step.skippedCreate) return;
    step.new.outputs = outputs;
    await this.#runComponentHooks(step, step.new);
    if (!step.internal) this.#deps.events.resourceOutputs(step);
    this.#deps.context.journal.touch(step.new);
  }

  /** A component is there when its outputs are: only then what is hooked to its creation or update may run. */
  async #runComponentHooks(step: Step, state: ResourceState): Promise<void> {
    if (state.custom) return;
    if (step.op === "create") await this.#deps.context.runHooks("afterCreate", state);
    else if (step.op === "update") await this.#deps.context.runHooks("afterUpdate", state, step.old);
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
      if (!partial && !context.dryRun && leavesOpen(error)) this.#maybeCorrupt = true;
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

/** Codes by which Pulumi takes the outcome for unknown. */
const OPEN_CODES: ReadonlySet<status> = new Set([status.UNKNOWN, status.INTERNAL, status.DATA_LOSS]);

function leavesOpen(error: unknown): boolean {
  return error instanceof PluginCrashedError || (error instanceof RpcError && OPEN_CODES.has(error.code));
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
