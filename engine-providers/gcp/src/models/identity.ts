/** Service accounts, custom roles, workload identity, enabled APIs. Sources as in network.ts; services/resourcemanager, iambeta. */
import { generateKeyPairSync } from "node:crypto";
import type { Making, Properties, ResourceModel } from "@automatos/provider-rehearsal";
import { deletionPolicy, permissions, words } from "../declare.ts";
import { PROJECT_NUMBER } from "../names.ts";

const ACCOUNT = "gcp:serviceaccount/account:Account";
const POOL = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool";

const projectOf = (making: Making) => making.place["project"] ?? "";
const emailOf = (making: Making) => `${making.text("accountId")}@${projectOf(making)}.iam.gserviceaccount.com`;
const poolPath = (making: Making) =>
  `projects/${projectOf(making)}/locations/global/workloadIdentityPools/${making.text("workloadIdentityPoolId")}`;

/** A key file that leads nowhere: made for this account, known to no server. */
function keyFile(making: Making): Properties {
  const email = making.of("serviceAccountId", "email");
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const id = `00000000${making.hex(32)}`;
  const file = {
    type: "service_account",
    project_id: projectOf(making),
    private_key_id: id,
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    client_email: email,
    client_id: making.of("serviceAccountId", "uniqueId"),
    auth_uri: "https://accounts.rehearsal.invalid/o/oauth2/auth",
    token_uri: "https://oauth2.rehearsal.invalid/token",
    universe_domain: "rehearsal.invalid",
  };
  return {
    name: `projects/${projectOf(making)}/serviceAccounts/${email}/keys/${id}`,
    privateKey: Buffer.from(JSON.stringify(file, undefined, 2)).toString("base64"),
    publicKey: Buffer.from(publicKey.export({ type: "spki", format: "pem" }).toString()).toString("base64"),
    validAfter: making.now,
    validBefore: "9999-12-31T23:59:59Z",
  };
}

export const identityModels: Readonly<Record<string, ResourceModel>> = {
  [ACCOUNT]: {
    ...deletionPolicy,
    autoName: { property: "accountId", maxLength: 30 },
    replaces: words("accountId project"),
    permissions: permissions("iam.serviceAccounts", {
      update: "iam.serviceAccounts.enable iam.serviceAccounts.disable",
    }),
    defaults: { disabled: false },
    validate: (inputs) => {
      const id = inputs["accountId"];
      if (typeof id !== "string" || /^[a-z]([-a-z0-9]{4,28}[a-z0-9])$/.test(id)) return [];
      return [
        {
          property: "accountId",
          reason: `"account_id" ("${id}") doesn't match regexp "^[a-z](?:[-a-z0-9]{4,28}[a-z0-9])$"`,
        },
      ];
    },
    id: (making) => `projects/${projectOf(making)}/serviceAccounts/${emailOf(making)}`,
    handles: (making) => [emailOf(making), `serviceAccount:${emailOf(making)}`],
    settlesLate: true,
    quota: { limit: 100, name: "service accounts per project" },
    outputs: (making) => ({
      email: emailOf(making),
      member: `serviceAccount:${emailOf(making)}`,
      name: `projects/${projectOf(making)}/serviceAccounts/${emailOf(making)}`,
      uniqueId: `${PROJECT_NUMBER}${String(making.below(10 ** 9)).padStart(9, "0")}`,
    }),
  },
  "gcp:serviceaccount/key:Key": {
    ...deletionPolicy,
    replaces: words("serviceAccountId keyAlgorithm privateKeyType publicKeyType publicKeyData keepers"),
    permissions: permissions("iam.serviceAccountKeys"),
    references: [{ at: "serviceAccountId", to: ACCOUNT, holds: false }],
    defaults: {
      keyAlgorithm: "KEY_ALG_RSA_2048",
      privateKeyType: "TYPE_GOOGLE_CREDENTIALS_FILE",
      publicKeyType: "TYPE_X509_PEM_FILE",
    },
    created: keyFile,
    id: (making) => making.text("name"),
    quota: { limit: 1_000, name: "service account keys" },
  },
  "gcp:projects/iAMCustomRole:IAMCustomRole": {
    ...deletionPolicy,
    autoName: { property: "roleId", maxLength: 255 },
    replaces: words("roleId project"),
    permissions: permissions("iam.roles", { create: "iam.roles.undelete" }),
    defaults: { stage: "GA" },
    validate: (inputs) => {
      const id = inputs["roleId"];
      if (typeof id !== "string" || /^[a-zA-Z0-9_.]{3,64}$/.test(id)) return [];
      return [{ property: "roleId", reason: `"role_id" ("${id}") doesn't match regexp "^[a-zA-Z0-9_\\\\.]{3,64}$"` }];
    },
    id: (making) => `projects/${projectOf(making)}/roles/${making.text("roleId")}`,
    outputs: (making) => ({ name: `projects/${projectOf(making)}/roles/${making.text("roleId")}`, deleted: false }),
    settlesLate: true,
    quota: { limit: 300, name: "custom roles per project" },
  },
  [POOL]: {
    ...deletionPolicy,
    replaces: words("workloadIdentityPoolId project"),
    permissions: permissions("iam.workloadIdentityPools"),
    id: poolPath,
    outputs: (making) => ({
      name: `projects/${PROJECT_NUMBER}/locations/global/workloadIdentityPools/${making.text("workloadIdentityPoolId")}`,
      state: "ACTIVE",
    }),
    handles: (making) => [making.text("workloadIdentityPoolId")],
  },
  "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": {
    ...deletionPolicy,
    replaces: words("workloadIdentityPoolId workloadIdentityPoolProviderId project"),
    permissions: permissions("iam.workloadIdentityPoolProviders"),
    references: [{ at: "workloadIdentityPoolId", to: POOL, holds: false }],
    id: (making) => `${poolPath(making)}/providers/${making.text("workloadIdentityPoolProviderId")}`,
    outputs: (making) => ({
      name: `projects/${PROJECT_NUMBER}/locations/global/workloadIdentityPools/${making.text("workloadIdentityPoolId")}/providers/${making.text("workloadIdentityPoolProviderId")}`,
      state: "ACTIVE",
    }),
  },
  "gcp:projects/service:Service": {
    replaces: words("service project"),
    permissions: {
      create: words("serviceusage.services.enable serviceusage.services.get serviceusage.operations.get"),
      read: words("serviceusage.services.get serviceusage.services.list"),
      update: ["serviceusage.services.get"],
      delete: words("serviceusage.services.disable serviceusage.services.get"),
    },
    id: (making) => `${projectOf(making)}/${making.text("service")}`,
  },
};
