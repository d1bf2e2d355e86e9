/** URNs: `urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>`. */

const ROOT_STACK_TYPE = "pulumi:pulumi:Stack";
const PREFIX = "urn:pulumi:";

interface UrnParts {
  stack: string;
  project: string;
  /** The types of all parents below the stack and of the resource itself, joined with `$`. */
  qualifiedType: string;
  name: string;
}

/** @throws Error when the text is no URN. */
export function parseUrn(urn: string): UrnParts {
  const [prefix, project, qualifiedType, ...name] = urn.split("::");
  if (
    !urn.startsWith(PREFIX) ||
    prefix === undefined ||
    project === undefined ||
    qualifiedType === undefined ||
    name.length === 0
  )
    throw new Error(`invalid URN ${JSON.stringify(urn)}`);
  return { stack: prefix.slice(PREFIX.length), project, qualifiedType, name: name.join("::") };
}

export function urnName(urn: string): string {
  return parseUrn(urn).name;
}

/** The resource's own type, without its parents'. */
export function urnType(urn: string): string {
  const { qualifiedType } = parseUrn(urn);
  return qualifiedType.slice(qualifiedType.lastIndexOf("$") + 1);
}

export function isRootStack(urn: string): boolean {
  return urn !== "" && parseUrn(urn).qualifiedType === ROOT_STACK_TYPE;
}

/** The stack itself is in no child's qualified type. */
export function createUrn(stack: string, project: string, parent: string, type: string, name: string): string {
  const parentType = parent === "" ? "" : parseUrn(parent).qualifiedType;
  const qualified = parentType === "" || parentType === ROOT_STACK_TYPE ? type : `${parentType}$${type}`;
  return `${PREFIX}${stack}::${project}::${qualified}::${name}`;
}

export const PROVIDER_TYPE_PREFIX = "pulumi:providers:";

export function isProviderType(type: string): boolean {
  return type.startsWith(PROVIDER_TYPE_PREFIX);
}

export function providerPackage(type: string): string {
  return type.slice(PROVIDER_TYPE_PREFIX.length);
}

/** `aws` of `aws:s3/bucket:Bucket`. */
export function packageOf(type: string): string {
  return isProviderType(type) ? providerPackage(type) : (type.split(":")[0] ?? "");
}

/** A provider reference, `<urn>::<id>`. */
interface ProviderReference {
  urn: string;
  id: string;
}

/** @throws Error when the text is no provider reference. */
export function parseProviderReference(reference: string): ProviderReference {
  const at = reference.lastIndexOf("::");
  const urn = reference.slice(0, at);
  if (at <= 0 || !isProviderType(urnType(urn)))
    throw new Error(`invalid provider reference ${JSON.stringify(reference)}`);
  return { urn, id: reference.slice(at + 2) };
}

/** A default provider is one that the engine made itself, because a resource named none. */
export function isDefaultProvider(urn: string): boolean {
  const name = urnName(urn);
  return isProviderType(urnType(urn)) && (name === "default" || name.startsWith("default_"));
}
