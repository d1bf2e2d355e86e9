/** Carries out what the program wants. */
import type { PropertyMap } from "../../model.ts";
import type { Deployment } from "../deployment.ts";
import { DefaultProviders } from "../provider/default-providers.ts";
import { Monitor } from "../protocol/monitor.ts";
import { deleteLeftOvers } from "../step/delete-planner.ts";
import type { UrnTargets } from "../targets.ts";
import { isRootStack } from "../urn.ts";
import { InlineProgram } from "./inline-program.ts";
import { ProcessProgram } from "./language-host.ts";
import type { Program, ProgramAddresses } from "./program.ts";

/** How long a program may take to end by itself when it is told that the deployment is over. */
const PROGRAM_GRACE_MS = 3_000;

interface StackOutputs {
  urn: string;
  outputs: PropertyMap;
}

export async function runProgram(deployment: Deployment): Promise<void> {
  const { request } = deployment;
  let stackOutputs: StackOutputs | undefined;
  let allDone: () => void = () => undefined;
  const everything = new Promise<void>((resolve) => (allDone = resolve));
  let registeredAll: () => void = () => undefined;
  const nothingMore = new Promise<void>((resolve) => (registeredAll = resolve));
  const register = deployment.register.bind(deployment);
  const monitor = new Monitor({
    request,
    callbacks: deployment.callbacks,
    hooks: deployment.hooks,
    providers: deployment.providers,
    defaultProviders: new DefaultProviders(request.config, register),
    register,
    read: (goal) => deployment.read(goal),
    completeOutputs: async (urn, outputs) => {
      // The stack's outputs are known when everything else is done.
      if (isRootStack(urn)) stackOutputs = { urn, outputs };
      else await deployment.executor.completeOutputs(urn, outputs);
    },
    programDone: () => {
      registeredAll();
      return everything;
    },
    fail: (message) => deployment.fail(new Error(message)),
    isStopped: () => deployment.isStopped,
    untilStopped: (work) => deployment.untilStopped(work),
  });
  const program = startProgram(deployment, { monitor: await monitor.listen(), engine: deployment.engineAddress });
  const stopped = new Promise<void>((resolve) => {
    if (deployment.isStopped) resolve();
    else deployment.stopSignal.addEventListener("abort", () => resolve(), { once: true });
  });
  try {
    const ended = program.finished().catch((error: unknown) => {
      // A program that loses its engine in the middle fails in ways of its own.
      if (!deployment.isStopped) deployment.fail(error);
    });
    await Promise.race([ended, nothingMore, stopped]);
    await deployment.idle();
    if (!deployment.isStopped) await finish(deployment);
    await deployment.idle();
    if (stackOutputs !== undefined) await completeStack(deployment, stackOutputs);
    allDone();
    await program.stop(PROGRAM_GRACE_MS);
    // what goes wrong in a program after its last registration fails the operation all the same
    await ended;
  } finally {
    await program.stop(0);
    monitor.close();
  }
}

function startProgram({ request, diagnostics }: Deployment, addresses: ProgramAddresses): Program {
  if (request.client !== undefined) return new InlineProgram(request, request.client, addresses);
  return new ProcessProgram(request, addresses, (stream, line) => {
    if (line.trim() !== "") diagnostics.log(stream === "stdout" ? "info" : "info#err", "", line);
  });
}

/** What the program did not register goes. */
async function finish(deployment: Deployment): Promise<void> {
  try {
    reportUnknownTargets(deployment, deployment.targets);
    await deleteLeftOvers({ ...deployment.parts, targetDependents: deployment.request.targetDependents });
  } catch (error) {
    deployment.fail(error);
  }
}

/** What the user named and neither the stack nor the program has fails the operation, which goes on all the same. */
export function reportUnknownTargets({ olds, progress, diagnostics, context }: Deployment, targets: UrnTargets): void {
  for (const urn of targets.literals) {
    if (olds.has(urn) || progress.urns.has(urn)) continue;
    const hint = urn.includes("$") ? "" : " Did you forget to escape $ in your shell?";
    const message = `Target '${urn}' could not be found in the stack.${hint}`;
    diagnostics.error("", message);
    context.recordError(new Error(message));
  }
}

async function completeStack(deployment: Deployment, { urn, outputs }: StackOutputs): Promise<void> {
  // A program that failed did not say all: what was known before stays.
  const known = deployment.error === undefined ? {} : deployment.olds.get(urn)?.outputs;
  try {
    await deployment.executor.completeOutputs(urn, { ...known, ...outputs });
  } catch (error) {
    if (deployment.error === undefined) deployment.fail(error);
  }
}
