/** `pulumi import`: resources that exist already become the stack's, without a program. */
import type { ImportRequest, ResourceState } from "../model.ts";
import type { Deployment } from "./deployment.ts";
import { DeploymentError } from "./errors.ts";
import { emptyGoal, stateOf } from "./goal.ts";
import { DefaultProviders } from "./provider/default-providers.ts";
import { ImportStep } from "./step/import-step.ts";
import { SameStep } from "./step/same-step.ts";
import type { StepContext } from "./step/step.ts";
import { createUrn, isProviderType, packageOf, PROVIDER_TYPE_PREFIX, urnName } from "./urn.ts";
import { without } from "./without.ts";

/** Imports all that was asked for, parents before children. What the stack holds already stays as it is. */
export async function importResources(deployment: Deployment): Promise<void> {
  const { request, context, executor } = deployment;
  // first what is there: what is imported comes after what it may need
  await executor.runChain(keptAsItIs(deployment));
  const { urn: root, made } = await stackResource(deployment);
  const providers = new DefaultProviders(request.config, (goal) => deployment.register(goal));
  const waiting = (request.imports ?? []).map((one) => ({ one, urn: urnOf(deployment, one, root) }));
  refuseTwins(waiting.map(({ urn }) => urn));
  while (waiting.length > 0 && !deployment.isStopped) {
    const urns = new Set(waiting.map(({ urn }) => urn));
    const ready = waiting.filter(({ one }) => !urns.has(one.parent ?? root));
    if (ready.length === 0) throw new Error("the resources to import are each other's parents");
    for (const { urn } of ready) {
      const index = waiting.findIndex((other) => other.urn === urn);
      waiting.splice(index, 1);
    }
    const steps: ImportStep[] = [];
    for (const { one, urn } of ready) {
      if (isThere(deployment, one, urn)) continue;
      if (one.id === undefined) await register(deployment, one, one.parent ?? root);
      else {
        const provider = await providerFor(deployment, providers, one);
        const goal = { ...emptyGoal(one.type, one.name), parent: one.parent ?? root, provider, importId: one.id };
        const state = stateOf(urn, { ...goal, protect: one.protect }, undefined);
        deployment.progress.urns.add(urn);
        steps.push(
          new ImportStep(context, state, undefined, (found) => keepProperties(context, found, one.properties)),
        );
      }
    }
    await executor.runParallel(steps);
  }
  if (made) await executor.completeOutputs(root, {});
}

function keptAsItIs({ context, olds, progress }: Deployment): SameStep[] {
  const kept = olds.states.filter((state) => !state.delete);
  for (const { urn } of kept) progress.urns.add(urn); // each may be a parent of what is imported
  return kept.map((state) => new SameStep(context, state, without(state, "id"), { untargeted: true }));
}

async function stackResource(deployment: Deployment): Promise<{ urn: string; made: boolean }> {
  const { project, stack } = deployment.request;
  const type = "pulumi:pulumi:Stack";
  const known = deployment.olds.states.find((state) => state.type === type && !state.parent);
  if (known !== undefined) return { urn: known.urn, made: false };
  const { state } = await deployment.register({ ...emptyGoal(type, `${project}-${stack}`), custom: false });
  return { urn: state.urn, made: true };
}

function urnOf({ request }: Deployment, { parent, type, name }: ImportRequest, root: string): string {
  return createUrn(request.stack, request.project, parent ?? root, type, name);
}

function refuseTwins(urns: readonly string[]): void {
  const twin = urns.find((urn, index) => urns.indexOf(urn) < index);
  if (twin !== undefined)
    throw new DeploymentError(
      "IMPORT_TWICE",
      `${twin} is to be imported twice`,
      "Give each resource a name of its own.",
    );
}

/** @throws DeploymentError when the URN is taken by another resource. */
function isThere({ olds }: Deployment, { id }: ImportRequest, urn: string): boolean {
  const old = olds.get(urn);
  if (old === undefined) return false;
  if (id === undefined || id === (old.importID ?? old.id) || id === old.id) return true;
  throw new DeploymentError(
    "IMPORT_TAKEN",
    `resource '${urn}' already exists, with the id '${old.id ?? ""}'`,
    "Import it under another name.",
  );
}

async function register(deployment: Deployment, { type, name, protect }: ImportRequest, parent: string): Promise<void> {
  const goal = { ...emptyGoal(type, name), custom: false, parent, protect };
  const { state } = await deployment.register(goal);
  await deployment.executor.completeOutputs(state.urn, {});
}

/** The named provider, or the package's default one: that of the state before a new one. */
async function providerFor(deployment: Deployment, defaults: DefaultProviders, one: ImportRequest): Promise<string> {
  const { olds, providers } = deployment;
  const ensured = async (state: ResourceState): Promise<string> => {
    const reference = `${state.urn}::${state.id ?? ""}`;
    await providers.ensure(reference, (urn) => olds.get(urn));
    return reference;
  };
  if (one.provider !== undefined) {
    const named = olds.get(one.provider);
    if (named === undefined || !isProviderType(named.type))
      throw new DeploymentError(
        "PROVIDER_UNKNOWN",
        `the state has no provider ${one.provider}`,
        "`pulumi stack --show-urns` lists what the state has.",
      );
    return ensured(named);
  }
  const plugin = packageOf(one.type);
  const { version = "" } = one;
  const known = olds.states.filter(
    (state) =>
      state.type === PROVIDER_TYPE_PREFIX + plugin && urnName(state.urn).startsWith("default") && state.delete !== true,
  );
  const same = known.findLast((state) => version === "" || state.inputs?.["version"] === version);
  if (same !== undefined) return ensured(same);
  return defaults.reference({ plugin, version, pluginDownloadUrl: "" }, one.type);
}

/** The inputs that were named, of those that the provider told of; all of them where none were. */
function keepProperties({ journal }: StepContext, found: ResourceState, names: readonly string[] | undefined): void {
  if (names === undefined || names.length === 0) return;
  found.inputs = Object.fromEntries(Object.entries(found.inputs ?? {}).filter(([key]) => names.includes(key)));
  journal.touch(found);
}
