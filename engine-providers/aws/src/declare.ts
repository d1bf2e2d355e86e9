/** What the models of AWS's resources have in common. */
import { isTrueAt } from "@automatos/provider-rehearsal";
import type {
  AutoName,
  Making,
  Permissions,
  Properties,
  Reference,
  ResourceModel,
} from "@automatos/provider-rehearsal";
import { arn, ec2Id } from "./names.ts";

export function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

/** Actions of one service, space-separated without the service; one with a `:` is another service's. */
export interface Actions {
  readonly create: string;
  readonly read: string;
  readonly update?: string;
  readonly delete: string;
}

/** @param service the prefix of IAM's action names, e.g. `eks` */
export function permissions(service: string, actions: Actions): Permissions {
  const named = (text: string) => words(text).map((action) => (action.includes(":") ? action : `${service}:${action}`));
  return {
    create: named(`${actions.create} ${actions.read}`),
    read: named(actions.read),
    update: named(`${actions.update ?? ""} ${actions.read}`),
    delete: named(`${actions.delete} ${actions.read}`),
  };
}

/** Every class of the SDK's version 7 has an input `region`: another one needs another resource. */
export function replaces(text: string): string[] {
  return ["region", ...words(text)];
}

/** Names as `tfbridge.AutoName` gives them. */
export function named(maxLength: number, property = "name", more: Partial<AutoName> = {}): AutoName {
  return { property, maxLength, ...more };
}

export const toVpc: Reference = { at: "vpcId", to: "aws:ec2/vpc:Vpc" };

export function toSubnets(at: string): Reference {
  return { at, to: "aws:ec2/subnet:Subnet" };
}

export function toSecurityGroups(at: string): Reference {
  return {
    at,
    to: "aws:ec2/securityGroup:SecurityGroup",
    read: (value) => (value.startsWith("sg-") ? value : undefined),
  };
}

export function toRole(at: string, holds = false): Reference {
  return {
    at,
    to: "aws:iam/role:Role",
    holds,
    // Roles that AWS services make for themselves are in every account.
    isBuiltIn: (value) => value.includes(":role/aws-service-role/"),
  };
}

export function toKey(at: string): Reference {
  return {
    at,
    to: ["aws:kms/key:Key", "aws:kms/alias:Alias"],
    holds: false,
    isBuiltIn: (value) => value.includes("alias/aws/"),
  };
}

type Ec2Model = Omit<Partial<ResourceModel>, "replaces" | "permissions"> & {
  /** Space-separated. */
  readonly replaces: string;
  readonly permissions: Permissions;
};

/**
 * A resource of EC2: its id is `<prefix>-...`, its ARN `...:<resource>/<id>`.
 * @param resource as in its ARN, e.g. `security-group`
 */
export function ec2(prefix: string, resource: string, model: Ec2Model): ResourceModel {
  const id = (making: Making) => ec2Id(making, prefix);
  return {
    autoName: "none",
    id,
    ...model,
    replaces: replaces(model.replaces),
    outputs: (making): Properties => ({
      arn: arn(making, "ec2", `${resource}/${id(making)}`),
      ownerId: making.place["account"] ?? "",
      ...model.outputs?.(making),
    }),
  };
}

/** Refuses the removal while the property is true in the state. */
export function protectedBy(property: string): NonNullable<ResourceModel["refuseRemoval"]> {
  return ({ outputs }) =>
    isTrueAt(outputs, property)
      ? `cannot be deleted because ${property} is enabled; disable it and update first`
      : undefined;
}

export const tagging = (service: string) => `${service}:TagResource ${service}:UntagResource`;
