/**
 * The policy packs of one operation: started before it, asked of each resource that is registered and of the stack at
 * its end, stopped with it. Deletes, reads and refreshes are not asked about, as in Pulumi.
 */
import type { OperationRequest, PropertyMap, ResourceState, Snapshot } from "../../model.ts";
import type { Diagnostics } from "../diagnostics.ts";
import { ReportedError } from "../errors.ts";
import type { EventSink } from "../events.ts";
import type { Goal } from "../goal.ts";
import type { OldResources } from "../old-resources.ts";
import { programEntry } from "../program/language-host.ts";
import { hashAssets } from "../property/asset-hash.ts";
import type { Progress } from "../step/progress.ts";
import { createUrn, parseProviderReference } from "../urn.ts";
import type { AnalyzedResource } from "./analyzed-resource.ts";
import { loadPack } from "./load-packs.ts";
import type { LoadedPack } from "./load-packs.ts";
import { configSecrets, secretTexts } from "../mask.ts";
import { PolicyEvents } from "./policy-events.ts";
import { examine, isMandatory } from "./resource-check.ts";
import type { Examination } from "./resource-check.ts";
import { Turns } from "./turns.ts";
import type { Turn } from "./turns.ts";

export interface PolicyDeps {
  readonly request: OperationRequest;
  readonly events: EventSink;
  readonly diagnostics: Diagnostics;
  readonly olds: OldResources;
  readonly progress: Progress;
  readonly engineAddress: string;
  /** Called when a mandatory policy is violated, and the operation must fail though it goes on. */
  readonly recordError: (error: Error) => void;
}

/** A mandatory policy is violated: told by its event already. */
class PolicyViolationError extends Error {
  constructor(urn: string) {
    super(`a mandatory policy is violated by ${urn}`);
    this.name = "PolicyViolationError";
  }
}

/** A resource's place in the order of registration. */
export interface PolicyTurn {
  /**
   * @returns The resource's inputs, as remediations left them.
   * @throws ReportedError when the resource, or one registered before it, must not be brought about; PolicyRunError
   */
  readonly check: (state: ResourceState, goal: Goal) => Promise<PropertyMap>;
  /** Those behind it need not wait for it. */
  readonly leave: () => void;
}

const NO_POLICIES: PolicyTurn = {
  check: (state) => Promise.resolve(state.inputs ?? {}),
  leave: () => undefined,
};

export class Policies {
  readonly #deps: PolicyDeps;
  readonly #events: PolicyEvents;
  readonly #turns = new Turns();
  readonly #deleteBeforeReplace = new Map<string, boolean>();
  #packs: readonly LoadedPack[] = [];
  #loading: Promise<unknown> = Promise.resolve();
  /** Nothing that comes later may be brought about. */
  #refused = false;

  constructor(deps: PolicyDeps) {
    this.#deps = deps;
    this.#events = new PolicyEvents(deps.events, configSecrets(deps.request.config));
  }

  /** Versions of the packs that run, by the names that the summary event has for them. */
  get summary(): Record<string, string> {
    return Object.fromEntries(this.#packs.map(({ nameForEvents, analyzer }) => [nameForEvents, analyzer.info.version]));
  }

  /**
   * Starts all packs at once. Where one fails, the others are stopped.
   * @throws What was wrong with the first of them
   */
  async load(): Promise<void> {
    const { request, diagnostics, engineAddress } = this.#deps;
    const host = {
      request,
      engineAddress,
      onOutput: (stream: "stdout" | "stderr", line: string) => {
        if (line.trim() !== "") diagnostics.log(stream === "stdout" ? "info" : "info#err", "", line);
      },
    };
    const starting = (request.policyPacks ?? []).map((pack) => {
      this.#events.load();
      return loadPack(pack, host, (message) => diagnostics.warning("", message));
    });
    const settled = Promise.allSettled(starting);
    this.#loading = settled;
    const results = await settled;
    this.#packs = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failure = results.find((result) => result.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  }

  /** Takes the next place; whoever takes it must leave it. */
  enter(): PolicyTurn {
    if (this.#packs.length === 0) return NO_POLICIES;
    const turn = this.#turns.take();
    return { check: (state, goal) => this.#check(turn, state, goal), leave: turn.leave };
  }

  /** Asks the stack policies, when all is done. @throws PolicyRunError, ShutdownError */
  async checkStack(snapshot: Snapshot): Promise<void> {
    if (this.#packs.length === 0) return;
    const present = snapshot.resources.filter((state) => !state.delete && !state.pendingReplacement);
    const resources = present.map((state) =>
      this.#analyzed(state, state.outputs ?? {}, this.#deleteBeforeReplace.get(state.urn)),
    );
    const urns = new Set(present.map(({ urn }) => urn));
    const { project, stack } = this.#deps.request;
    const root = createUrn(stack, project, "", "pulumi:pulumi:Stack", `${project}-${stack}`);
    const analyses = await Promise.all(
      this.#packs.map(async ({ analyzer }) => ({ analyzer, analysis: await analyzer.analyzeStack(resources) })),
    );
    const isSilent = analyses.every(({ analysis }) => analysis.findings.length === 0);
    const secrets = isSilent ? [] : resources.flatMap(({ properties }) => secretTexts(properties));
    for (const { analyzer, analysis } of analyses) {
      for (const violation of analysis.findings) {
        const urn = urns.has(violation.urn) ? violation.urn : root;
        if (isMandatory(violation)) this.#deps.recordError(new PolicyViolationError(urn));
        this.#events.violation(urn, violation, secrets);
      }
      this.#events.summary("policyAnalyzeStackSummaryEvent", "", analyzer.info, analysis);
    }
  }

  /** Tells the packs that the operation is cancelled. */
  async cancel(): Promise<void> {
    await Promise.all(this.#packs.map(({ analyzer }) => analyzer.cancel()));
  }

  async close(): Promise<void> {
    await this.#loading;
    await Promise.all(this.#packs.map(({ analyzer }) => analyzer.close()));
  }

  /** Resources are examined at once; what follows from it, and what is told of it, keeps their order. */
  async #check(turn: Turn, state: ResourceState, goal: Goal): Promise<PropertyMap> {
    const examining = this.#examine(state, goal);
    examining.catch(() => undefined);
    await turn.come;
    try {
      if (this.#refused) throw new ReportedError(`resource ${state.urn} comes after one that a policy refused`);
      const { inputs, violated, tell } = await examining;
      tell(this.#events);
      if (violated) this.#refuse(state.urn);
      return inputs;
    } catch (error) {
      this.#refused = true;
      throw error;
    } finally {
      turn.leave();
    }
  }

  #examine(state: ResourceState, goal: Goal): Promise<Examination> {
    if (goal.deleteBeforeReplace !== undefined) this.#deleteBeforeReplace.set(state.urn, goal.deleteBeforeReplace);
    const resource = this.#analyzed(state, state.inputs ?? {}, goal.deleteBeforeReplace);
    const { folder } = programEntry(this.#deps.request);
    const analyzers = this.#packs.map(({ analyzer }) => analyzer);
    return examine(analyzers, resource, (inputs) => hashAssets(inputs, folder));
  }

  /** A preview goes on, to show the rest. */
  #refuse(urn: string): void {
    if (!this.#deps.request.dryRun) throw new ReportedError(`resource ${urn} is invalid`);
    this.#deps.recordError(new PolicyViolationError(urn));
  }

  #analyzed(state: ResourceState, properties: PropertyMap, deleteBeforeReplace: boolean | undefined): AnalyzedResource {
    const former = this.#deps.progress.renamedFrom.get(state.urn);
    return {
      state,
      properties,
      provider: this.#providerOf(state),
      deleteBeforeReplace,
      aliases: former === undefined ? [] : [former],
    };
  }

  /** @throws Error when the provider is neither of the program nor of the state. */
  #providerOf(state: ResourceState): ResourceState | undefined {
    if (state.provider === undefined || state.provider === "") return undefined;
    const { urn, id } = parseProviderReference(state.provider);
    const registered = this.#deps.progress.providers.get(urn);
    if (registered !== undefined) return registered;
    const old = this.#deps.olds.get(urn);
    if (old?.id === id) return old;
    throw new Error(
      `provider ${state.provider} for resource ${state.urn} has not been registered yet, this is due to a change of ` +
        "providers mixed with --target. Change your program back to the original providers",
    );
  }
}
