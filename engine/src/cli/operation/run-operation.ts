/** `preview`, `up`, `refresh`, `destroy` and `import`: from the command line to the history record. */
import { CheckpointWriter } from "../../backend/checkpoint-writer.ts";
import type { Deployment } from "../../backend/deployment.ts";
import {
  CancelledError,
  ChangesNotExpectedError,
  ConfirmationRequiredError,
  ReportedFailure,
} from "../../backend/errors.ts";
import { recordUpdate } from "../../backend/history.ts";
import { qualifiedName } from "../../backend/stack-reference.ts";
import type { ImportRequest, OperationResult } from "../../model.ts";
import { skipsConfirmation } from "../commands/confirm.ts";
import type { CommandContext } from "../context.ts";
import { confirmOperation } from "./confirm.ts";
import { listenForInterrupt, type Interrupt } from "./interrupt.ts";
import { manifestNow } from "./manifest.ts";
import type { OperationOptions } from "./options.ts";
import { settlePendingCreates } from "./pending-creates.ts";
import { runShown } from "./run-shown.ts";
import { codecFor, openSession, type Session } from "./session.ts";

/** `pulumi preview`: shows what `up` would do. */
export async function preview(context: CommandContext, options: OperationOptions): Promise<void> {
  const session = await openSession(context, options, "update");
  const interrupt = listenForInterrupt(context.terminal.err, () => undefined);
  try {
    const deployment = await session.store.read(session.stack);
    const { result } = await runShown(session, deployment, interrupt);
    finish(result, options, "preview");
  } finally {
    interrupt.stop();
    await session.log.close();
  }
}

/** `pulumi up`, `refresh`, `destroy`, `import`: preview, question, then the thing itself. */
export async function operate(
  context: CommandContext,
  kind: Session["kind"],
  options: OperationOptions,
  imports: readonly ImportRequest[] = [],
): Promise<void> {
  const { terminal } = context;
  const yes = skipsConfirmation(context, options.yes) || (options.skipPreview ?? false);
  if (!yes && !options.previewOnly && !terminal.interactive)
    throw new ConfirmationRequiredError(
      "--yes or --skip-preview or --preview-only must be passed in to proceed when running in non-interactive mode",
    );
  const session = await openSession(context, options, kind, imports);
  const lock = options.previewOnly ? undefined : await session.store.lock(session.stack);
  const interrupt = listenForInterrupt(terminal.err, () => lock?.releaseNow());
  if (lock !== undefined) interrupt.watch(lock);
  try {
    const deployment = await startingState(session, lock !== undefined);
    if (!options.skipPreview) {
      const { result, events } = await runShown(session, deployment, interrupt);
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

/** The state as it is, but for creations that were cut short and that a refresh is told what became of. */
async function startingState(session: Session, mayWrite: boolean): Promise<Deployment> {
  const { store, stack, kind, context, options } = session;
  const deployment = await store.read(stack);
  if (kind !== "refresh") return deployment;
  const settled = await settlePendingCreates(context, deployment, options, store.whereIs(stack));
  if (settled !== deployment && mayWrite) await store.write(stack, settled);
  return settled;
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
  const { result } = await runShown(session, deployment, interrupt, { writer, codec });
  await writer.finish(result.snapshot);
  const { execKind = "cli", execAgent } = options;
  await recordUpdate(
    store.blobs,
    keys,
    stack,
    {
      kind: session.kind,
      startTime,
      message: options.message ?? "",
      environment: { "exec.kind": execKind, ...(execAgent !== undefined && { "exec.agent": execAgent }) },
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

/** @throws CancelledError, ReportedFailure, ChangesNotExpectedError: what the exit code tells. */
function finish(result: OperationResult, options: OperationOptions, operation: string): void {
  if (result.cancelled) throw new CancelledError(operation);
  if (!result.ok) throw new ReportedFailure();
  const quiet = new Set(["same", "read", "read-replacement", "discard"]);
  const changed = Object.entries(result.changes).some(([op, count]) => count > 0 && !quiet.has(op));
  if (options.expectNoChanges && changed) throw new ChangesNotExpectedError(operation);
}
