/** The deployment half of the engine: carries out one operation on one stack. */
import type { OperationRequest, OperationResult, StepOp } from "../model.ts";
import { Deployment } from "./deployment.ts";
import { DeploymentError, ReportedError, ShutdownError } from "./errors.ts";
import { hooksOf, refreshBeforeUpdateOf } from "./goal.ts";
import { reportUnknownTargets, runProgram } from "./program/run-program.ts";
import { importResources } from "./import.ts";
import { refresh } from "./refresh.ts";
import { deleteLeftOvers } from "./step/delete-planner.ts";
import { DeleteProtectedError } from "./step/delete-step.ts";

/**
 * Runs the operation to its end. What goes wrong is told by events and by the result; only a failure of
 * `request.checkpoint` or of the engine itself is thrown.
 */
export async function runOperation(request: OperationRequest): Promise<OperationResult> {
  const startedAt = performance.now();
  const deployment = await Deployment.start(request);
  try {
    try {
      await deployment.policies.load();
      deployment.events.prelude(
        Object.fromEntries([...request.config].map(([key, { value, secret }]) => [key, secret ? "[secret]" : value])),
      );
      await carryOut(deployment);
    } catch (error) {
      deployment.fail(error);
    }
    await deployment.idle();
    const cancelled = request.signal.aborted;
    tellOutcome(deployment, cancelled);
    const ok = deployment.error === undefined && !cancelled;
    const changes = deployment.executor.changes;
    deployment.events.summary({
      isPreview: request.dryRun,
      maybeCorrupt: deployment.executor.maybeCorrupt,
      durationSeconds: request.dryRun ? 0 : (performance.now() - startedAt) / 1_000,
      changes,
      result: ok ? "succeeded" : "failed",
      policyPacks: deployment.policies.summary,
    });
    await deployment.journal.flushed();
    return {
      ok,
      cancelled,
      changes: { ...changes } satisfies Partial<Record<StepOp, number>>,
      snapshot: deployment.snapshot(),
    };
  } finally {
    await deployment.close();
    deployment.events.cancel();
  }
}

async function carryOut(deployment: Deployment): Promise<void> {
  const { request } = deployment;
  const refreshes = request.kind === "refresh" || request.refreshFirst;
  if (refreshes && deployment.olds.states.length > 0) {
    reportUnknownTargets(deployment, deployment.targets);
    reportUnknownTargets(deployment, deployment.excludes);
    if (deployment.error !== undefined) return;
  }
  if (refreshes) await refresh(deployment);
  else if (deployment.olds.states.some(refreshBeforeUpdateOf)) await refresh(deployment, refreshBeforeUpdateOf);
  else if (request.base.pendingOperations.length > 0 && !request.dryRun) warnOfInterruptedOperations(deployment);
  if (deployment.isStopped || request.kind === "refresh") return;
  reportUnknownTargets(deployment, deployment.replaces);
  if (deployment.error !== undefined) return;
  if (request.kind === "import") await importResources(deployment);
  else if (request.kind === "destroy") await destroy(deployment);
  else await update(deployment);
}

async function update(deployment: Deployment): Promise<void> {
  await runProgram(deployment);
  // A stack that is not all that it is to be is not judged.
  const isWhole = !deployment.isStopped && deployment.executor.failedSteps.length === 0;
  if (isWhole) await deployment.policies.checkStack(deployment.snapshot());
}

async function destroy(deployment: Deployment): Promise<void> {
  refuseDeleteHooks(deployment);
  reportUnknownTargets(deployment, deployment.targets);
  const work = () => deleteLeftOvers({ ...deployment.parts, targetDependents: deployment.request.targetDependents });
  await (deployment.request.continueOnError ? deployment.tryingAll(work) : work());
}

/** Hooks are functions of the program, which a destroy does not run. @throws DeploymentError */
function refuseDeleteHooks({ olds, diagnostics }: Deployment): void {
  const hooked = olds.states.flatMap((state) => {
    const names = [...hooksOf(state, "beforeDelete"), ...hooksOf(state, "afterDelete")];
    return names.length === 0 ? [] : [{ urn: state.urn, names }];
  });
  if (hooked.length === 0) return;
  for (const { urn, names } of hooked)
    diagnostics.error(
      urn,
      `Resource has delete hooks registered, but the program is not running. Hooks: ${names.join(", ")}`,
    );
  // Pulumi's words, and what to do here, where there is no such flag.
  throw new DeploymentError(
    "DELETE_HOOKS",
    "You must run with the `--run-program` flag to use delete hooks during destroy",
    "The embedded engine does not support the flag: take the resources, or their hooks, out of the program and run `pulumi up`.",
  );
}

/** The last word, where the cause was told as a resource's. */
function tellOutcome(deployment: Deployment, cancelled: boolean): void {
  const kind = deployment.request.dryRun ? "preview" : "update";
  const { error } = deployment;
  if (error instanceof ShutdownError || (error === undefined && cancelled))
    deployment.diagnostics.error("", `${kind} canceled`);
  else if (error !== undefined && (!(error instanceof ReportedError) || error instanceof DeleteProtectedError))
    deployment.diagnostics.error("", `${kind} failed`);
}

function warnOfInterruptedOperations({ request, diagnostics }: Deployment): void {
  const { pendingOperations } = request.base;
  diagnostics.warning(
    "",
    `Attempting to deploy or update resources with ${pendingOperations.length} pending operations from previous deployment.\n` +
      pendingOperations.map(({ resource, type }) => `  * ${resource.urn}, interrupted while ${type}\n`).join("") +
      "These resources are in an unknown state because the Pulumi CLI was interrupted while waiting for changes to " +
      "these resources to complete. You should confirm whether or not the operations listed completed successfully by " +
      "checking the state of the appropriate provider. For example, if you are using AWS, you can confirm using the " +
      "AWS Console.\n\n" +
      "Once you have confirmed the status of the interrupted operations, you can repair your stack using `pulumi " +
      "refresh` which will refresh the state from the provider you are using and clear the pending operations if " +
      "there are any.\n\n" +
      "Note that `pulumi refresh` will need to be run interactively to clear pending CREATE operations.",
  );
}
