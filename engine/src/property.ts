/**
 * Property values and their wire form, for whoever speaks Pulumi's protocol beside the engine: provider plugins written
 * in TypeScript. Exported as `@automatos/engine/property`.
 */
export { AssetOrArchive, ResourceReference, Secret, Unknown } from "./model.ts";
export type { PropertyMap, PropertyValue } from "./model.ts";
export { marshalProperties, unmarshalProperties } from "./deploy/property/wire.ts";
export { isList, isMap } from "./deploy/property/value.ts";
export { structPb } from "./deploy/protocol/protobuf.ts";
