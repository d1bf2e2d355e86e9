export {
  AssetOrArchive,
  containsSecrets,
  isList,
  isMap,
  mapValues,
  mapWithoutSecrets,
  ResourceReference,
  Secret,
  Unknown,
  withoutSecrets,
} from "@automatos/engine/property";
export type { PropertyMap, PropertyValue } from "@automatos/engine/property";
export { Engine } from "./engine.ts";
export type { LogOptions, Severity } from "./engine.ts";
export { InitializationFailedError, UnknownTokenError } from "./errors.ts";
export type * from "./provider.ts";
export { serveProvider } from "./serve.ts";
export * from "./schema/index.ts";
