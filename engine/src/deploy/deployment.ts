/** One operation on one stack: holds its parts together, and knows whether it may go on. */
import type { OperationRequest, ResourceState, Snapshot } from "../model.ts";
import { Diagnostics } from "./diagnostics.ts";
import { messageOf, ReportedError, ShutdownError } from "./errors.ts";
import { EventSink } from "./events.ts";
import { configSecrets } from "./mask.ts";
import type { Goal, RegisterResult } from "./goal.ts";
import { OldResources } from "./old-resources.ts";
import { programEntry } from "./program/language-host.ts";
import { Callbacks } from "./protocol/callbacks.ts";
import { EngineService } from "./protocol/engine-service.ts";
import { ResourceHooks } from "./protocol/hooks.ts";
import { Policies } from "./policy/policies.ts";
import { BuiltinProvider } from "./provider/builtin-provider.ts";
import { ProviderRegistry } from "./provider/provider-registry.ts";
import { SnapshotJournal } from "./snapshot-journal.ts";
import { Identities } from "./step/identities.ts";
import { Progress } from "./step/progress.ts";
import { ReplacementPlanner } from "./step/replacement-planner.ts";
import { StepExecutor, stopsEverything } from "./step/step-executor.ts";
import { StepGenerator } from "./step/step-generator.ts";
import type { ReadGoal } from "./read-goal.ts";
import type { StepContext } from "./step/step.ts";
import { TargetRules } from "./step/target-rules.ts";
import { UrnTargets } from "./targets.ts";

export class Deployment {
  readonly request: OperationRequest;
  readonly events: EventSink;
  readonly diagnostics: Diagnostics;
  readonly journal: SnapshotJournal;
  readonly olds: OldResources;
  readonly progress = new Progress();
  readonly targets: UrnTargets;
  readonly excludes: UrnTargets;
  readonly replaces: UrnTargets;
  readonly context: StepContext;
  readonly executor: StepExecutor;
  readonly providers: ProviderRegistry;
  readonly callbacks = new Callbacks();
  readonly hooks: ResourceHooks;
  readonly policies: Policies;
  readonly engineAddress: string;
  readonly #engine: EngineService;
  readonly #generator: StepGenerator;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<(error: Error) => void>();
  /** Registrations whose steps are not known yet, or run. */
  readonly #handling = new Set<Promise<void>>();
  #goesOnAfterFailures = false;
  #error: unknown;

  /** @throws ProgramMissingError, before anything runs. */
  static async start(request: OperationRequest): Promise<Deployment> {
    programEntry(request);
    const events = new EventSink(request.onEvent, request.dryRun, configSecrets(request.config));
    const engine = new EngineService(new Diagnostics(events), request.debug ?? false);
    return new Deployment(request, events, engine, await engine.listen());
  }

  private constructor(request: OperationRequest, events: EventSink, engine: EngineService, engineAddress: string) {
    this.request = request;
    this.events = events;
    this.#engine = engine;
    this.engineAddress = engineAddress;
    this.diagnostics = new Diagnostics(events);
    this.olds = new OldResources(request.base.resources);
    this.journal = new SnapshotJournal(this.olds.states, request.base.pendingOperations, (snapshot) =>
      request.dryRun ? Promise.resolve() : request.checkpoint(snapshot),
    );
    this.targets = new UrnTargets(request.targets);
    this.excludes = new UrnTargets(request.excludes);
    this.replaces = new UrnTargets(request.replaces);
    this.hooks = new ResourceHooks(this.callbacks, this.diagnostics, request.dryRun);
    this.providers = this.#providerRegistry();
    this.context = {
      dryRun: request.dryRun,
      diagnostics: this.diagnostics,
      providers: this.providers,
      journal: this.journal,
      runHooks: async (kind, state, old) => {
        const error = await this.hooks.run(kind, state, old);
        if (error !== undefined) this.fail(error);
      },
      wantRetry: (...failure) => this.hooks.wantRetry(...failure),
      isCondemned: (urn) => this.progress.deletes.has(urn),
      recordError: (error) => {
        this.#error ??= error;
      },
    };
    const { diagnostics, olds, progress } = this;
    const { recordError } = this.context;
    this.policies = new Policies({ request, events, diagnostics, olds, progress, engineAddress, recordError });
    this.executor = new StepExecutor({
      context: this.context,
      events,
      parallel: request.parallel,
      signal: this.#stop.signal,
      onFailure: (error) => {
        this.#error ??= error;
        if (stopsEverything(error) && !this.#goesOnAfterFailures) this.stop();
      },
    });
    this.#generator = this.#stepGenerator();
    request.signal.addEventListener("abort", this.#onCancel);
    if (request.signal.aborted) this.#onCancel();
  }

  /** The first thing that went wrong. */
  get error(): unknown {
    return this.#error;
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** What deleting works with. */
  get parts() {
    const { context, olds, progress, targets, excludes, executor } = this;
    return { context, olds, progress, targets, excludes, executor };
  }

  get stopSignal(): AbortSignal {
    return this.#stop.signal;
  }

  /** No step begins any more, and who waits for one is told so. */
  stop(): void {
    if (this.isStopped) return;
    this.#stop.abort();
    for (const reject of this.#waiting) reject(new ShutdownError());
    this.#waiting.clear();
  }

  /** @throws ShutdownError when the deployment is stopped before. */
  async untilStopped<Result>(work: Promise<Result>): Promise<Result> {
    if (this.isStopped) throw new ShutdownError();
    let stopped: (error: Error) => void = () => undefined;
    const stop = new Promise<never>((_resolve, reject) => (stopped = reject));
    this.#waiting.add(stopped);
    try {
      return await Promise.race([work, stop]);
    } finally {
      this.#waiting.delete(stopped);
    }
  }

  /** What fails in it keeps nothing else from being tried. */
  async tryingAll(work: () => Promise<void>): Promise<void> {
    this.#goesOnAfterFailures = true;
    await work();
    this.#goesOnAfterFailures = false;
  }

  /** Something went wrong: shown, unless it was already, and nothing more begins. */
  fail(error: unknown, urn = ""): void {
    this.#error ??= error;
    if (!(error instanceof ReportedError || error instanceof ShutdownError)) {
      this.diagnostics.error(urn, messageOf(error));
      if (this.#error === error) this.#error = new ReportedError(messageOf(error));
    }
    this.stop();
  }

  register(goal: Goal): Promise<RegisterResult> {
    return this.#handle((settle) =>
      this.#generator.generate({ goal, settle }, (steps) => this.executor.runChain(steps)),
    );
  }

  read(goal: ReadGoal): Promise<ResourceState> {
    return this.#handle((settle) => this.executor.runChain(this.#generator.generateRead(goal, settle)));
  }

  /** Resolves when no step runs and none is being thought about. */
  async idle(): Promise<void> {
    while (this.#handling.size > 0) await Promise.allSettled(this.#handling);
    await this.executor.idle();
  }

  snapshot(): Snapshot {
    return this.journal.snapshot();
  }

  async close(): Promise<void> {
    this.request.signal.removeEventListener("abort", this.#onCancel);
    this.callbacks.close();
    await Promise.all([this.providers.close(), this.policies.close()]);
    this.#engine.close();
  }

  #handle<Result>(work: (settle: (result: Result) => void) => Promise<void>): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.isStopped) {
        reject(new ShutdownError());
        return;
      }
      this.#waiting.add(reject);
      const earlier = [...this.#handling];
      const handling = work((result) => {
        this.#waiting.delete(reject);
        resolve(result);
      }).catch(async (error: unknown) => {
        // What was registered before it is carried out, so that the outcome does not depend on who was faster.
        if (!this.request.dryRun) await Promise.allSettled(earlier);
        this.fail(error);
      });
      this.#handling.add(handling);
      void handling.then(() => this.#handling.delete(handling));
    });
  }

  readonly #onCancel = (): void => {
    this.stop();
    void this.providers.cancel();
    void this.policies.cancel();
  };

  #providerRegistry(): ProviderRegistry {
    const { request } = this;
    const builtin = new BuiltinProvider({
      readStackOutputs: request.readStackOutputs,
      findResource: (urn) => this.executor.find(urn),
    });
    return new ProviderRegistry(
      {
        engineAddress: this.engineAddress,
        project: request.project,
        stack: request.stack,
        organization: request.organization,
        projectDir: request.projectDir,
        programDir: programEntry(request).folder,
        projectPlugins: request.plugins ?? [],
        config: request.config,
        signal: request.signal,
        onOutput: (stream, line) => {
          if (line.trim() !== "") this.diagnostics.log(stream === "stdout" ? "info" : "info#err", "", line);
        },
      },
      builtin,
    );
  }

  #stepGenerator(): StepGenerator {
    const { context, olds, progress, policies, request, targets, excludes, replaces } = this;
    const rules = new TargetRules({
      context,
      olds,
      progress,
      targets,
      targetDependents: request.targetDependents,
      excludes,
      excludeDependents: request.excludeDependents ?? false,
      replaces,
    });
    const planner = new ReplacementPlanner({
      context,
      olds,
      progress,
      mustReplace: (urn, old) => rules.mustReplace(urn, old),
    });
    const { stack, project } = request;
    const identities = new Identities({ stack, project, context, olds, progress });
    return new StepGenerator({ context, olds, progress, targets: rules, planner, identities, policies });
  }
}
