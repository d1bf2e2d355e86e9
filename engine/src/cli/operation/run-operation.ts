/** `preview`, `up`, `refresh` and `destroy`: from the command line to the history record. */
import { availableParallelism } from "node:os";
import { CheckpointWriter } from "../../backend/checkpoint-writer.ts";
import { deploymentToSnapshot, isRootStack, type Deployment } from "../../backend/deployment.ts";
import {
  CancelledError,
  ChangesNotExpectedError,
  ConfirmationRequiredError,
  ReportedFailure,
  UnsupportedError,
} from "../../backend/errors.ts";
import { recordUpdate } from "../../backend/history.ts";
import type { Crypter } from "../../backend/passphrase.ts";
import type { Project } from "../../backend/project.ts";
import { propertiesToJson, type JsonMap, type SecretCodec } from "../../backend/property-json.ts";
import { encryptingCodec, inTheClear } from "../../backend/secret-codecs.ts";
import { qualifiedName, type StackReference } from "../../backend/stack-reference.ts";
import type { StackSettings } from "../../backend/stack-settings.ts";
import type { StackStore } from "../../backend/stack-store.ts";
import type * as deployModule from "../../deploy/index.ts";
import type { EngineEvent, OperationKind, OperationRequest, OperationResult, Snapshot } from "../../model.ts";
import type { CommandContext } from "../context.ts";
import { programConfig } from "../stack-config.ts";
import { engineLine, versions } from "../versions.ts";
import { chooseDisplay } from "./choose-display.ts";
import { confirmOperation } from "./confirm.ts";
import { openEventLog, type EventLog } from "./event-log.ts";
import { listenForInterrupt, type Interrupt } from "./interrupt.ts";
import { manifestNow } from "./manifest.ts";
import type { OperationOptions } from "./options.ts";
import { outputsReader } from "./stack-outputs-reader.ts";

type Deploy = typeof deployModule;

interface Session {
  readonly context: CommandContext;
  readonly options: OperationOptions;
  readonly kind: Exclude<OperationKind, "preview">;
  readonly project: Project;
  readonly stack: StackReference;
  readonly settings: StackSettings;
  readonly store: StackStore;
  readonly crypter: Crypter;
  readonly log: EventLog;
  readonly deploy: Deploy;
}

/** `pulumi preview`: shows what `up` would do. */
export async function preview(context: CommandContext, options: OperationOptions): Promise<void> {
  const session = await open(context, options, "update");
  const interrupt = listenForInterrupt(context.terminal.err, () => undefined);
  try {
    const deployment = await session.store.read(session.stack);
    const { result } = await run(session, deployment, interrupt);
    finish(result, options, "preview");
  } finally {
    interrupt.stop();
    await session.log.close();
  }
}

/** `pulumi up`, `refresh`, `destroy`: preview, question, then the thing itself. */
export async function operate(
  context: CommandContext,
  kind: Session["kind"],
  options: OperationOptions,
): Promise<void> {
  const { terminal, env } = context;
  const yes = (options.yes ?? false) || (options.skipPreview ?? false) || isTrue(env["PULUMI_SKIP_CONFIRMATIONS"]);
  if (!yes && !options.previewOnly && !terminal.interactive)
    throw new ConfirmationRequiredError(
      "--yes or --skip-preview or --preview-only must be passed in to proceed when running in non-interactive mode",
    );
  const session = await open(context, options, kind);
  const lock = options.previewOnly ? undefined : await session.store.lock(session.stack);
  const interrupt = listenForInterrupt(terminal.err, () => lock?.releaseNow());
  try {
    const deployment = await session.store.read(session.stack);
    if (!options.skipPreview) {
      const { result, events } = await run(session, deployment, interrupt);
      if (!result.ok || result.cancelled || options.previewOnly) {
        finish(result, options, kind);
        return;
      }
      if (!yes) await confirmOperation(terminal, { kind, stack: session.stack.name, withoutPreview: false }, events);
    }
    finish(await carryOut(session, deployment, interrupt), options, kind);
  } finally {
    interrupt.stop();
    await session.log.close();
    await lock?.release();
  }
}

async function open(context: CommandContext, options: OperationOptions, kind: Session["kind"]): Promise<Session> {
  const project = await context.project();
  if (project.runtime !== "nodejs" && options.client === undefined)
    throw new UnsupportedError(`programs of the runtime '${project.runtime}' (${project.file})`);
  const stack = await context.requireStack(options.stack);
  const settings = await context.settings(stack, options.configFile);
  context.terminal.err(`${engineLine(versions())}\n`);
  // deriving the key and loading gRPC take their time, on different processors
  const [crypter, deploy] = await Promise.all([context.crypter(settings), import("../../deploy/index.ts")]);
  const log = await openEventLog(options.eventLog, context.warn);
  return { context, options, kind, project, stack, settings, store: await context.store(), crypter, log, deploy };
}

/** The operation itself: every step on disk before the next, and a record in the stack's history at the end. */
async function carryOut(session: Session, deployment: Deployment, interrupt: Interrupt): Promise<OperationResult> {
  const { context, store, stack, settings, options, crypter } = session;
  const keys = store.keys(stack);
  // the codec that reads the state writes it too: what did not change keeps its ciphertext
  const codec = await codecFor(session, deployment);
  const writer = new CheckpointWriter({
    blobs: store.blobs,
    keys,
    qualifiedName: qualifiedName(stack),
    base: deployment,
    codec,
    salt: crypter.salt,
    manifest: manifestNow,
  });
  const startTime = Math.floor(Date.now() / 1_000);
  const { result } = await run(session, deployment, interrupt, { writer, codec });
  await writer.finish(result.snapshot);
  await recordUpdate(
    store.blobs,
    keys,
    stack,
    {
      kind: session.kind,
      startTime,
      message: options.message ?? "",
      environment: { "exec.kind": options.execKind ?? "cli" },
      config: Object.fromEntries(settings.config()),
      version: 0,
      result: result.ok ? "succeeded" : "failed",
      endTime: Math.floor(Date.now() / 1_000),
      resourceChanges: result.changes,
    },
    context.env,
  );
  return result;
}

/** One run of the engine, shown as it goes: a preview unless there is something to write to. */
async function run(
  session: Session,
  deployment: Deployment,
  interrupt: Interrupt,
  real?: { readonly writer: CheckpointWriter; readonly codec: SecretCodec },
): Promise<{ result: OperationResult; events: EngineEvent[] }> {
  const { context, options, stack, kind, store, log, deploy } = session;
  const dryRun = real === undefined;
  const display = chooseDisplay(context.terminal, options, kind, stack.name, dryRun);
  // only a question that will be asked can be answered with `details`
  const keepEvents = dryRun && context.terminal.interactive && !options.yes;
  const events: EngineEvent[] = [];
  let result: OperationResult | undefined;
  try {
    result = await deploy.runOperation({
      ...requestOf(session),
      dryRun,
      kind: dryRun && kind === "update" ? "preview" : kind,
      base: deploymentToSnapshot(deployment, real?.codec ?? (await codecFor(session, deployment))),
      signal: interrupt.signal,
      checkpoint: (snapshot) => real?.writer.write(snapshot) ?? Promise.resolve(),
      onEvent: (event) => {
        log.write(event);
        display.event(event);
        if (keepEvents) events.push(event);
      },
      readStackOutputs: outputsReader(context, store),
    });
    return { result, events };
  } finally {
    display.close(options.showSecrets && result !== undefined ? revealedOutputs(result.snapshot) : undefined);
  }
}

/** Reads what the state holds with the crypter that made it, and writes with the stack's own. */
async function codecFor(session: Session, deployment: Deployment): Promise<SecretCodec> {
  const { context, crypter, store, stack } = session;
  return encryptingCodec(crypter, await context.crypterOf(deployment, store.whereIs(stack), crypter));
}

function revealedOutputs(snapshot: Snapshot): JsonMap {
  const root = snapshot.resources.find((resource) => isRootStack(resource));
  return propertiesToJson(root?.outputs ?? {}, inTheClear, "");
}

function requestOf(
  session: Session,
): Omit<OperationRequest, "kind" | "dryRun" | "base" | "signal" | "checkpoint" | "onEvent" | "readStackOutputs"> {
  const { project, stack, settings, options, crypter } = session;
  return {
    organization: "organization",
    project: project.name,
    stack: stack.name,
    projectDir: project.folder,
    program: project.program,
    runtimeOptions: project.runtimeOptions,
    plugins: project.plugins,
    plugins: project.plugins,
    ...(options.client === undefined ? {} : { client: options.client }),
    config: programConfig(project, settings, stack.name, crypter),
    parallel: options.parallel ?? defaultParallel(),
    targets: [...(options.target ?? []), ...(options.targetReplace ?? [])],
    targetDependents: options.targetDependents ?? false,
    excludes: options.exclude ?? [],
    replaces: [...(options.replace ?? []), ...(options.targetReplace ?? [])],
    refreshFirst:
      options.refresh === undefined ? project.refreshAlways : options.refresh === true || options.refresh === "true",
  };
}

/** As Pulumi: four steps at once for each processor. */
function defaultParallel(): number {
  return availableParallelism() * 4;
}

/** @throws CancelledError, ReportedFailure, ChangesNotExpectedError: what the exit code tells. */
function finish(result: OperationResult, options: OperationOptions, operation: string): void {
  if (result.cancelled) throw new CancelledError(operation);
  if (!result.ok) throw new ReportedFailure();
  const quiet = new Set(["same", "read", "read-replacement", "discard"]);
  const changed = Object.entries(result.changes).some(([op, count]) => count > 0 && !quiet.has(op));
  if (options.expectNoChanges && changed) throw new ChangesNotExpectedError(operation);
}

function isTrue(text: string | undefined): boolean {
  return text === "true" || text === "1";
}
