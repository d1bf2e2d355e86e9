/**
 * Who may do what: a member, a binding (all members of a role) or the whole policy of a resource. In Terraform's
 * provider one implementation serves them all (google/tpgiamresource): everything replaces but `members` and `policyData`.
 */
import { firstText } from "@automatos/provider-rehearsal";
import type { ClassFacts, Making, Permissions, Reference, ResourceModel } from "@automatos/provider-rehearsal";
import { policyPermissions, toServiceAccount } from "../declare.ts";

interface Bound {
  /** Which resource the policy is of: the input that names it. Without: the project. */
  readonly input?: string;
  readonly to?: string;
  readonly permissions: Permissions;
}

const ON_PROJECT: Bound = { permissions: policyPermissions("resourcemanager.projects") };
const on = (input: string, to: string, base: string): Bound => ({ input, to, permissions: policyPermissions(base) });
const account = on("serviceAccountId", "gcp:serviceaccount/account:Account", "iam.serviceAccounts");
const bucket = on("bucket", "gcp:storage/bucket:Bucket", "storage.buckets");
const secret = on("secretId", "gcp:secretmanager/secret:Secret", "secretmanager.secrets");
const key = on("cryptoKeyId", "gcp:kms/cryptoKey:CryptoKey", "cloudkms.cryptoKeys");
const repository = on("repository", "gcp:artifactregistry/repository:Repository", "artifactregistry.repositories");

const BOUND: Readonly<Record<string, Bound>> = {
  "gcp:projects/iAMMember:IAMMember": ON_PROJECT,
  "gcp:projects/iAMBinding:IAMBinding": ON_PROJECT,
  "gcp:projects/iAMPolicy:IAMPolicy": ON_PROJECT,
  "gcp:serviceaccount/iAMMember:IAMMember": account,
  "gcp:serviceaccount/iAMBinding:IAMBinding": account,
  "gcp:storage/bucketIAMMember:BucketIAMMember": bucket,
  "gcp:storage/bucketIAMBinding:BucketIAMBinding": bucket,
  "gcp:secretmanager/secretIamMember:SecretIamMember": secret,
  "gcp:secretmanager/secretIamBinding:SecretIamBinding": secret,
  "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": key,
  "gcp:kms/cryptoKeyIAMBinding:CryptoKeyIAMBinding": key,
  "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": repository,
  "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding": repository,
};

export const bindingModels: Readonly<Record<string, ResourceModel>> = Object.fromEntries(
  Object.entries(BOUND).map(([type, { input, to, permissions }]) => {
    const references: Reference[] = [
      ...(input !== undefined && to !== undefined ? [{ at: input, to, holds: false }] : []),
      toServiceAccount("member"),
      toServiceAccount("members"),
      // A role of this project; Google's own are everywhere.
      { at: "role", to: "gcp:projects/iAMCustomRole:IAMCustomRole", holds: false, isBuiltIn: isNoRoleOfTheProject },
    ];
    const identity = type.endsWith("Policy")
      ? []
      : ["role", "condition", ...(type.endsWith("Member") ? ["member"] : [])];
    return [type, bindingModel([input ?? "project", ...identity], permissions, references, input)];
  }),
);

/** Of any class that is called so. */
export function isBinding({ token }: ClassFacts): boolean {
  return /(IAM|Iam)(Member|Binding|Policy)$/.test(token);
}

export function unmodelledBinding(facts: ClassFacts): ResourceModel {
  const replaces = [...facts.inputs].filter((input) => !["members", "policyData", "deletionPolicy"].includes(input));
  return bindingModel(replaces, { create: [], read: [], update: [], delete: [] }, [], undefined);
}

function bindingModel(
  replaces: readonly string[],
  permissions: Permissions,
  references: readonly Reference[],
  input: string | undefined,
): ResourceModel {
  return {
    autoName: "none",
    replaces,
    permissions,
    references,
    id: (making) =>
      [subject(making, input), making.text("role"), making.text("member"), condition(making)].filter(Boolean).join("/"),
    outputs: (making) => ({ etag: `Bw${making.hex(9)}=` }),
  };
}

/** A policy's id says whose it is. */
function subject(making: Making, input: string | undefined): string {
  if (input !== undefined) return making.of(input, "id") || making.text(input);
  const named = Object.keys(making.inputs).filter((key) => !["role", "member", "policyData"].includes(key));
  return firstText(named.flatMap(making.texts).sort().join("/"), making.place["project"]);
}

function condition(making: Making): string {
  return making.text("condition.title");
}

function isNoRoleOfTheProject(role: string): boolean {
  return !/^projects\/[^/]+\/roles\//.test(role);
}
