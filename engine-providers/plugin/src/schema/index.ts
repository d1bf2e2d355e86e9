/** Providers whose resources are described as a table. */
export { between, boolean, integer, list, map, object, oneOf, string } from "./field.ts";
export type { Field, Fields, ValuesOf } from "./field.ts";
export { functionType, resourceType } from "./resource-type.ts";
export type { Found, FunctionType, Made, OperationContext, ResourceType } from "./resource-type.ts";
export { providerTable, TableProvider } from "./table-provider.ts";
export { asProperties, plain } from "./values.ts";
