export { firstAddress, isWithin, overlap } from "./cidr.ts";
export { selfSigned } from "./certificates.ts";
export type { CloudObject, CloudView } from "./cloud-store.ts";
export { RehearsedCloudError } from "./errors.ts";
export type { CloudErrors, Subject } from "./errors.ts";
export type { KubeconfigCluster } from "./kubeconfig.ts";
export { readLedger } from "./ledger.ts";
export type { LedgerEntry } from "./ledger.ts";
export type {
  AutoName,
  CloudDefinition,
  CloudFunction,
  FunctionCall,
  Making,
  Permissions,
  Place,
  Reference,
  ResourceModel,
} from "./model.ts";
export { openRehearsal } from "./rehearsal.ts";
export type { Rehearsal, RehearsedResource } from "./rehearsal.ts";
export { RehearsedProvider } from "./rehearsed-provider.ts";
export type { RehearsedProviderOptions } from "./rehearsed-provider.ts";
export { SdkCatalogue } from "./sdk-catalogue.ts";
export type { ClassFacts } from "./sdk-class.ts";
export type { RehearsalSettingsInput } from "./settings.ts";
export { asText, firstText, isTrueAt, mapAt, textAt, textsAt, valuesAt } from "./values.ts";
export type { Properties } from "./values.ts";
