import type { ResourceState } from "../../model.ts";
import { DeploymentError } from "../errors.ts";
import type { OldResources } from "../old-resources.ts";
import { parseProviderReference, urnName } from "../urn.ts";
import type { Progress } from "./progress.ts";
import type { StepContext } from "./step.ts";

interface ProviderChangeDeps {
  context: StepContext;
  olds: OldResources;
  progress: Progress;
}

/** Whether a change of provider makes another resource: another account, another region. */
export async function providerChanged(
  { context, olds, progress }: ProviderChangeDeps,
  state: ResourceState,
  old: ResourceState,
): Promise<boolean> {
  if (old.provider === state.provider) return false;
  if (!old.provider || !state.provider) return true;
  const former = parseProviderReference(old.provider);
  const next = parseProviderReference(state.provider);
  if (progress.renamedTo.get(former.urn) === next.urn) return false;
  const plugin = context.providers.get(state.provider);
  if (plugin === undefined)
    throw new DeploymentError(
      "PROVIDER_UNKNOWN",
      `provider ${state.provider} of ${urnName(state.urn)} is not registered`,
      "Create the provider before the resources that use it.",
    );
  const formerState = olds.get(former.urn);
  const nextState = progress.providers.get(next.urn);
  const diff = await plugin.diffConfig({
    urn: next.urn,
    oldInputs: formerState?.inputs ?? {},
    oldOutputs: formerState?.outputs ?? {},
    newInputs: nextState?.inputs ?? {},
    ignoreChanges: [],
  });
  return diff.replaceKeys.length > 0;
}
