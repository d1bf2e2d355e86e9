/** What the parts of the monitor share. */
import type { OperationRequest, PropertyMap, ResourceState } from "../../model.ts";
import { DeploymentError } from "../errors.ts";
import type { Goal, RegisterResult } from "../goal.ts";
import { marshalProperties } from "../property/wire.ts";
import type { DefaultProviders } from "../provider/default-providers.ts";
import type { ProviderRegistry } from "../provider/provider-registry.ts";
import type { ReadGoal } from "../step/step-generator.ts";
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
  completeOutputs: (urn: string, outputs: PropertyMap) => void;
  /** The program has nothing more to register; resolves when all is done. */
  programDone: () => Promise<void>;
  warn: (urn: string, message: string) => void;
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

export class ProviderUnknownError extends DeploymentError {
  constructor(reference: string) {
    super("PROVIDER_UNKNOWN", `unknown provider '${reference}'`, "Create the provider before what uses it.");
  }
}
