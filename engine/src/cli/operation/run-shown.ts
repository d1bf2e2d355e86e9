/** One run of the engine, shown as it goes. */
import type { CheckpointWriter } from "../../backend/checkpoint-writer.ts";
import { deploymentToSnapshot, isRootStack, type Deployment } from "../../backend/deployment.ts";
import { propertiesToJson, type JsonMap, type SecretCodec } from "../../backend/property-json.ts";
import { inTheClear } from "../../backend/secret-codecs.ts";
import type { Ending } from "../../display/display.ts";
import type { EngineEvent, OperationResult, Snapshot } from "../../model.ts";
import { chooseDisplay } from "./choose-display.ts";
import type { Interrupt } from "./interrupt.ts";
import { codecFor, requestOf, type Session } from "./session.ts";
import { outputsReader } from "./stack-outputs-reader.ts";

export interface ShownRunResult {
  readonly result: OperationResult;
  /** What was shown, where a question may be answered by showing it again. */
  readonly events: readonly EngineEvent[];
}

/** @param real Where the state goes; without it nothing is done but to preview. */
export async function runShown(
  session: Session,
  deployment: Deployment,
  interrupt: Interrupt,
  real?: { readonly writer: CheckpointWriter; readonly codec: SecretCodec },
): Promise<ShownRunResult> {
  const { context, options, stack, kind, store, log, deploy } = session;
  const dryRun = real === undefined;
  const display = chooseDisplay(context.terminal, context.env, options, { kind, stack: stack.name, isPreview: dryRun });
  // only a question that will be asked can be answered with `details`
  const keepEvents = dryRun && context.terminal.interactive && !options.yes;
  const events: EngineEvent[] = [];
  const base = deploymentToSnapshot(deployment, real?.codec ?? (await codecFor(session, deployment)));
  let result: OperationResult | undefined;
  try {
    result = await deploy.runOperation({
      ...requestOf(session),
      dryRun,
      kind: dryRun && kind === "update" ? "preview" : kind,
      base,
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
    display.close(result && endingOf(base, result.snapshot, options.showSecrets ?? false));
  }
}

function endingOf(before: Snapshot, after: Snapshot, showSecrets: boolean): Ending {
  return {
    ...(showSecrets && { outputs: revealedOutputs(after) }),
    states: { before: before.resources, after: after.resources },
  };
}

function revealedOutputs(snapshot: Snapshot): JsonMap {
  const root = snapshot.resources.find((resource) => isRootStack(resource));
  return propertiesToJson(root?.outputs ?? {}, inTheClear, "");
}
