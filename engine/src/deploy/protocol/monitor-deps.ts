/** What the parts of the monitor share. */
import type { OperationRequest, PropertyMap, ResourceState } from "../../model.ts";
import { DeploymentError } from "../errors.ts";
import type { Goal, RegisterResult } from "../goal.ts";
import { marshalProperties } from "../property/wire.ts";
import type { DefaultProviders } from "../provider/default-providers.ts";
import type { ConfigurableProvider } from "../provider/provider.ts";
import type { PackageRequest } from "../provider/provider-inputs.ts";
import type { ProviderRegistry } from "../provider/provider-registry.ts";
import type { ReadGoal } from "../read-goal.ts";
import type { Callbacks } from "./callbacks.ts";
import type { ResourceHooks } from "./hooks.ts";

export interface MonitorDeps {
  request: OperationRequest;
  callbacks: Callbacks;
  hooks: ResourceHooks;
  providers: ProviderRegistry;
  defaultProviders: DefaultProviders;
  register: (goal: Goal) => Promise<RegisterResult>;
  read: (goal: ReadGoal) => Promise<ResourceState>;
  completeOutputs: (urn: string, outputs: PropertyMap) => Promise<void>;
  /** The program has nothing more to register; resolves when all is done. */
  programDone: () => Promise<void>;
  /** Something went wrong that ends the deployment. */
  fail: (message: string) => void;
  isStopped: () => boolean;
  /** @throws ShutdownError when the deployment is stopped before. */
  untilStopped: <Result>(work: Promise<Result>) => Promise<Result>;
}

/** Properties as the program's SDK takes them. */
export function answerProperties(
  properties: PropertyMap,
  accepts: { getAcceptsecrets: () => boolean; getAcceptresources: () => boolean },
) {
  return marshalProperties(properties, {
    keepUnknowns: true,
    keepSecrets: accepts.getAcceptsecrets(),
    keepResources: accepts.getAcceptresources(),
  });
}

/** The provider of that reference, or the package's default one where there is none. */
export async function providerOfReference(
  deps: MonitorDeps,
  reference: string,
  request: PackageRequest,
  user: string,
): Promise<ConfigurableProvider> {
  const chosen = reference || (await deps.defaultProviders.reference(request, user));
  const provider = deps.providers.get(chosen);
  if (provider === undefined) throw new ProviderUnknownError(chosen);
  return provider;
}

class ProviderUnknownError extends DeploymentError {
  constructor(reference: string) {
    super("PROVIDER_UNKNOWN", `unknown provider '${reference}'`, "Create the provider before what uses it.");
  }
}
