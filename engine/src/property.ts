/**
 * Property values and their wire form, for whoever speaks Pulumi's protocol beside the engine: provider plugins written
 * in TypeScript. Exported as `@automatos/engine/property`.
 */
export { AssetOrArchive, ResourceReference, Secret, Unknown } from "./model.ts";
export type { PropertyMap, PropertyValue } from "./model.ts";
export { marshalProperties, unmarshalProperties } from "./deploy/property/wire.ts";
export {
  containsSecrets,
  containsUnknowns,
  isList,
  isMap,
  mapValues,
  mapWithoutSecrets,
  withoutSecrets,
} from "./deploy/property/value.ts";
export { anyPb, emptyPb } from "./deploy/protocol/protobuf.ts";
export type { Struct } from "./deploy/protocol/protobuf.ts";
