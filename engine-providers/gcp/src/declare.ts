/** What the models of Google Cloud's resources have in common. */
import { isTrueAt, textAt } from "@automatos/provider-rehearsal";
import type { AutoName, Making, Permissions, Reference, ResourceModel } from "@automatos/provider-rehearsal";
import { computeLink, lastPart } from "./names.ts";

/** `lowercaseAutoName` of pulumi-gcp: what becomes part of a URL. */
export const LOWER_NAME: AutoName = { property: "name", maxLength: 63, lowerCase: true };

export function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

export interface MorePermissions {
  readonly create?: string;
  readonly read?: string;
  readonly update?: string;
  readonly delete?: string;
}

/** `<base>.create|get|update|delete`, and what else each action needs. */
export function permissions(base: string, more: MorePermissions = {}): Permissions {
  const of = (verb: string, extra = "") => [`${base}.${verb}`, ...words(extra)];
  return {
    create: of("create", `${base}.get ${more.create ?? ""}`),
    read: of("get", more.read),
    update: of("update", `${base}.get ${more.update ?? ""}`),
    delete: of("delete", `${base}.get ${more.delete ?? ""}`),
  };
}

/** Changing a policy reads it first. */
export function policyPermissions(base: string): Permissions {
  const both = [`${base}.getIamPolicy`, `${base}.setIamPolicy`];
  return { create: both, read: [`${base}.getIamPolicy`], update: both, delete: both };
}

/** A network that each project has from the start. */
const isDefaultNetwork = (value: string) => lastPart(value) === "default";

export function toNetwork(at: string, holds = true): Reference {
  return { at, to: "gcp:compute/network:Network", holds, isBuiltIn: isDefaultNetwork };
}

export function toSubnetwork(at: string): Reference {
  return { at, to: "gcp:compute/subnetwork:Subnetwork", isBuiltIn: isDefaultNetwork };
}

/** A service account of this project; those of others and Google's own agents are not known here. */
export function toServiceAccount(at: string): Reference {
  return {
    at,
    to: "gcp:serviceaccount/account:Account",
    holds: false,
    read: (value, making) => ownAccount(value, making),
  };
}

/** `serviceAccount:<email>`, `<email>`, or the account's path; undefined for whom this cloud does not have. */
export function ownAccount(value: string, making: Making): string | undefined {
  const text = value.replace(/^serviceAccount:/, "");
  if (text.includes("[") || /^(user|group|domain|principal|principalSet|allUsers|deleted):?/.test(text))
    return undefined;
  const project = making.place["project"] ?? "";
  const domains = [project, project.replace(/^rehearsed-/, "")].map((name) => `@${name}.iam.gserviceaccount.com`);
  return domains.some((domain) => text.endsWith(domain)) ? lastPart(text) : undefined;
}

/** Labels, descriptions and the like aside, `project` is where the resource is. */
const PLACE = ["name", "project"];

type ComputeModel = Omit<Partial<ResourceModel>, "replaces" | "permissions" | "outputs"> & {
  /** Beside name and project, space-separated. */
  readonly replaces: string;
  readonly permissions: Permissions;
  readonly outputs?: ResourceModel["outputs"];
};

/**
 * A resource of the Compute API: in a region or global, with a self-link, replaced when its name or place changes.
 * @param collection e.g. `subnetworks`
 */
export function compute(scope: "global" | "region", collection: string, model: ComputeModel): ResourceModel {
  const path = (making: Making) => {
    const place = scope === "global" ? "global" : `regions/${making.place["region"] ?? ""}`;
    return `projects/${making.place["project"] ?? ""}/${place}/${collection}/${making.text("name")}`;
  };
  return {
    autoName: LOWER_NAME,
    id: path,
    ...model,
    created: (making) => ({ creationTimestamp: making.now, ...model.created?.(making) }),
    replaces: [...PLACE, ...(scope === "region" ? ["region"] : []), ...words(model.replaces)],
    outputs: (making) => ({ selfLink: computeLink(path(making)), ...model.outputs?.(making) }),
  };
}

/** `deletionPolicy` of many resources: PREVENT refuses, ABANDON lets the resource be. */
export const deletionPolicy: Pick<ResourceModel, "refuseRemoval" | "stays"> = {
  refuseRemoval: ({ outputs }) =>
    textAt(outputs, "deletionPolicy") === "PREVENT"
      ? 'deletionPolicy is "PREVENT"; set it to "DELETE" and update first'
      : undefined,
  stays: (outputs) => textAt(outputs, "deletionPolicy") === "ABANDON",
};

/** Refuses the removal while the property is true in the state. */
export function protectedBy(property: string): NonNullable<ResourceModel["refuseRemoval"]> {
  return (removal) =>
    isTrueAt(removal.outputs, property)
      ? `cannot be destroyed because ${property} is true; set it to false and update first`
      : deletionPolicy.refuseRemoval?.(removal);
}
