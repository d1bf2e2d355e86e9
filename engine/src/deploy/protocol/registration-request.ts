/** What a registration's request says, and what is wrong with it. */
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { PropertyMap } from "../../model.ts";
import { DeploymentError, UnsupportedError } from "../errors.ts";
import { containsUnknowns } from "../property/value.ts";
import { isProviderType } from "../urn.ts";
import type { Wanted } from "./wanted.ts";

/** @throws Error for what cannot be, or cannot be here. */
export function refuse(request: RegisterResourceRequest): void {
  const subject = `${request.getType()} ${request.getName()}`;
  if (request.getCustom() || request.getRemote()) requireTypeToken(request.getType());
  if (request.getStateMigrationsList().length > 0) throw new UnsupportedError(`state migrations (${subject})`);
  if (request.getEnvvarmappingsMap().getLength() > 0 && !isProviderType(request.getType()))
    throw new Error("envVarMappings can only be used with provider resources");
}

class TypeTokenInvalidError extends DeploymentError {
  constructor(type: string) {
    super(
      "TYPE_TOKEN_INVALID",
      `Type '${type}' is not a valid type token (must have format '*:*:*')`,
      "Name the package, the module and the type.",
    );
  }
}

export function requireTypeToken(type: string): void {
  if (type.split(":").length !== 3) throw new TypeTokenInvalidError(type);
}

/** A request that says nothing of its properties' dependencies says that each may come from all. */
export function givenDependencies(request: RegisterResourceRequest): Record<string, string[]> {
  const given = request.getPropertydependenciesMap();
  if (given.getLength() === 0 && !request.getRemote()) {
    const keys = Object.keys(request.getObject()?.toJavaScript() ?? {});
    return Object.fromEntries(keys.map((key) => [key, request.getDependenciesList()]));
  }
  const result = new Map<string, string[]>();
  given.forEach((dependencies, key) => result.set(key, dependencies.getUrnsList()));
  return Object.fromEntries(result);
}

/** Only its name, its type and its place: nothing else is known of a component that its provider did not make. */
export function bare({ request, options, providers }: Wanted): Wanted {
  const registration = new resourcePb.RegisterResourceRequest();
  registration.setType(request.getType());
  registration.setName(request.getName());
  registration.setParent(request.getParent());
  return { request: registration, options, inputs: {}, dependencies: [], propertyDependencies: {}, providers };
}

export function knownOnly(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => !containsUnknowns(value)));
}
