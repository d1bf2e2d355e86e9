/** Identity and Access Management. Sources as in vpc.ts; internal/service/iam. */
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { named, permissions, toRole, words } from "../declare.ts";
import { ACCOUNT, arn, iamId, lastPart } from "../names.ts";

const ROLE = "aws:iam/role:Role";
const POLICY = "aws:iam/policy:Policy";
const USER = "aws:iam/user:User";

/** Managed by AWS, in every account. */
const isOfAws = (value: string) => /^arn:aws[\w-]*:iam::aws:/.test(value);
const path = (making: Making) => making.text("path") || "/";
const iamArn = (making: Making, kind: string) =>
  arn(making, "iam", `${kind}${path(making)}${making.text("name")}`, "global");

/** A document that is no JSON is refused at once, as the real one is. */
function validDocument(property: string): NonNullable<ResourceModel["validate"]> {
  return (inputs) => {
    const text = inputs[property];
    if (typeof text !== "string") return [];
    try {
      const document: unknown = JSON.parse(text);
      if (typeof document === "object" && document !== null && "Statement" in document) return [];
      return [{ property, reason: `MalformedPolicyDocument: "${property}" has no Statement` }];
    } catch (error) {
      return [
        { property, reason: `"${property}" contains an invalid JSON: ${error instanceof Error ? error.message : ""}` },
      ];
    }
  };
}

const nameOf = (making: Making, at: string) => making.of(at, "name") || lastPart(making.text(at));

export const iamModels: Readonly<Record<string, ResourceModel>> = {
  [ROLE]: {
    autoName: named(64),
    replaces: words("name namePrefix path"),
    permissions: permissions("iam", {
      create: "CreateRole TagRole PutRolePolicy AttachRolePolicy PutRolePermissionsBoundary",
      read: "GetRole ListRolePolicies ListAttachedRolePolicies",
      update:
        "UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription PutRolePermissionsBoundary DeleteRolePermissionsBoundary TagRole UntagRole PutRolePolicy DeleteRolePolicy AttachRolePolicy DetachRolePolicy",
      delete: "DeleteRole ListInstanceProfilesForRole",
    }),
    references: [{ at: "managedPolicyArns", to: POLICY, isBuiltIn: isOfAws }],
    defaults: { path: "/", maxSessionDuration: 3_600, forceDetachPolicies: false },
    validate: validDocument("assumeRolePolicy"),
    id: (making) => making.text("name"),
    unique: (making) => [`role/${making.text("name").toLowerCase()}`],
    created: (making) => ({ createDate: making.now }),
    outputs: (making) => ({ arn: iamArn(making, "role"), uniqueId: iamId(making, "AROA") }),
    settlesLate: true,
    quota: { limit: 1_000, name: "roles per account" },
  },
  [POLICY]: {
    autoName: named(128),
    replaces: words("name namePrefix path description"),
    permissions: permissions("iam", {
      create: "CreatePolicy TagPolicy",
      read: "GetPolicy GetPolicyVersion ListPolicyVersions",
      update: "CreatePolicyVersion DeletePolicyVersion SetDefaultPolicyVersion TagPolicy UntagPolicy",
      delete: "DeletePolicy DeletePolicyVersion",
    }),
    defaults: { path: "/" },
    validate: validDocument("policy"),
    id: (making) => iamArn(making, "policy"),
    unique: (making) => [`policy/${making.text("name").toLowerCase()}`],
    outputs: (making) => ({ arn: iamArn(making, "policy"), policyId: iamId(making, "ANPA"), attachmentCount: 0 }),
    settlesLate: true,
    quota: { limit: 1_500, name: "customer managed policies" },
  },
  "aws:iam/rolePolicy:RolePolicy": {
    autoName: named(128),
    replaces: words("name namePrefix role"),
    permissions: permissions("iam", {
      create: "PutRolePolicy",
      read: "GetRolePolicy",
      update: "PutRolePolicy",
      delete: "DeleteRolePolicy",
    }),
    references: [toRole("role", true)],
    validate: validDocument("policy"),
    id: (making) => `${nameOf(making, "role")}:${making.text("name")}`,
  },
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
    replaces: words("role policyArn"),
    permissions: permissions("iam", {
      create: "AttachRolePolicy",
      read: "ListAttachedRolePolicies",
      delete: "DetachRolePolicy",
    }),
    references: [toRole("role", true), { at: "policyArn", to: POLICY, isBuiltIn: isOfAws }],
    id: (making) => `${nameOf(making, "role")}/${making.text("policyArn")}`,
    quota: { limit: 2_500, name: "managed policies attached" },
  },
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {
    replaces: words("url"),
    permissions: permissions("iam", {
      create: "CreateOpenIDConnectProvider TagOpenIDConnectProvider",
      read: "GetOpenIDConnectProvider",
      update:
        "UpdateOpenIDConnectProviderThumbprint AddClientIDToOpenIDConnectProvider RemoveClientIDFromOpenIDConnectProvider TagOpenIDConnectProvider UntagOpenIDConnectProvider",
      delete: "DeleteOpenIDConnectProvider",
    }),
    id: providerArn,
    outputs: (making) => ({ arn: providerArn(making), url: making.text("url").replace("https://", "") }),
    quota: { limit: 100, name: "OpenID Connect providers per account" },
  },
  "aws:iam/instanceProfile:InstanceProfile": {
    autoName: named(128),
    replaces: words("name namePrefix path"),
    permissions: permissions("iam", {
      create: "CreateInstanceProfile AddRoleToInstanceProfile TagInstanceProfile iam:PassRole",
      read: "GetInstanceProfile",
      update: "AddRoleToInstanceProfile RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile",
      delete: "RemoveRoleFromInstanceProfile DeleteInstanceProfile",
    }),
    references: [toRole("role", true)],
    defaults: { path: "/" },
    id: (making) => making.text("name"),
    unique: (making) => [`instance-profile/${making.text("name").toLowerCase()}`],
    created: (making) => ({ createDate: making.now }),
    outputs: (making) => ({ arn: iamArn(making, "instance-profile"), uniqueId: iamId(making, "AIPA") }),
    settlesLate: true,
  },
  [USER]: {
    autoName: named(64),
    replaces: [],
    permissions: permissions("iam", {
      create: "CreateUser TagUser PutUserPermissionsBoundary",
      read: "GetUser",
      update: "UpdateUser PutUserPermissionsBoundary DeleteUserPermissionsBoundary TagUser UntagUser",
      delete: "DeleteUser ListGroupsForUser RemoveUserFromGroup",
    }),
    defaults: { path: "/", forceDestroy: false },
    id: (making) => making.text("name"),
    unique: (making) => [`user/${making.text("name").toLowerCase()}`],
    outputs: (making) => ({ arn: iamArn(making, "user"), uniqueId: iamId(making, "AIDA") }),
    settlesLate: true,
  },
  "aws:iam/userPolicy:UserPolicy": {
    autoName: named(128),
    replaces: words("name namePrefix user"),
    permissions: permissions("iam", {
      create: "PutUserPolicy",
      read: "GetUserPolicy",
      update: "PutUserPolicy",
      delete: "DeleteUserPolicy",
    }),
    references: [{ at: "user", to: USER }],
    validate: validDocument("policy"),
    id: (making) => `${nameOf(making, "user")}:${making.text("name")}`,
  },
  "aws:iam/userPolicyAttachment:UserPolicyAttachment": {
    replaces: words("user policyArn"),
    permissions: permissions("iam", {
      create: "AttachUserPolicy",
      read: "ListAttachedUserPolicies",
      delete: "DetachUserPolicy",
    }),
    references: [
      { at: "user", to: USER },
      { at: "policyArn", to: POLICY, isBuiltIn: isOfAws },
    ],
    id: (making) => `${nameOf(making, "user")}/${making.text("policyArn")}`,
  },
  "aws:iam/accessKey:AccessKey": {
    replaces: words("user pgpKey"),
    permissions: permissions("iam", {
      create: "CreateAccessKey",
      read: "ListAccessKeys GetAccessKeyLastUsed",
      update: "UpdateAccessKey",
      delete: "DeleteAccessKey",
    }),
    references: [{ at: "user", to: USER }],
    defaults: { status: "Active" },
    id: (making) => iamId(making, "AKIA").slice(0, 20),
    created: (making) => ({
      createDate: making.now,
      secret: `rehearsed/${making.hex(30, "secret")}`,
      sesSmtpPasswordV4: `rehearsed/${making.hex(34, "smtp")}`,
      encryptedSecret: "",
      encryptedSesSmtpPasswordV4: "",
      keyFingerprint: "",
    }),
    quota: { limit: 500, name: "access keys" },
  },
};

function providerArn(making: Making): string {
  return `arn:${making.place["partition"] ?? "aws"}:iam::${ACCOUNT}:oidc-provider/${making.text("url").replace("https://", "")}`;
}
