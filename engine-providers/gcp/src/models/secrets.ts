/** Secret Manager and Cloud KMS. Sources as in network.ts; services/secretmanager, kms. */
import { asText } from "@automatos/provider-rehearsal";
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { deletionPolicy, LOWER_NAME, permissions, protectedBy, words } from "../declare.ts";
import { PROJECT_NUMBER } from "../names.ts";

const SECRET = "gcp:secretmanager/secret:Secret";
const VERSION = "gcp:secretmanager/secretVersion:SecretVersion";
const KEY_RING = "gcp:kms/keyRing:KeyRing";
const KEY = "gcp:kms/cryptoKey:CryptoKey";

const secretPath = (making: Making) => `projects/${making.place["project"] ?? ""}/secrets/${making.text("secretId")}`;
const ringPath = (making: Making) =>
  `projects/${making.place["project"] ?? ""}/locations/${making.text("location")}/keyRings/${making.text("name")}`;
const keyPath = (making: Making) =>
  `${making.of("keyRing", "id") || making.text("keyRing")}/cryptoKeys/${making.text("name")}`;

/** The number of the next version of the secret. */
function versionNumber(making: Making): number {
  const secret = making.of("secret", "secretId");
  return (
    1 + making.cloud.ofType(VERSION).filter(({ outputs }) => asText(outputs["name"]).split("/")[3] === secret).length
  );
}

export const secretModels: Readonly<Record<string, ResourceModel>> = {
  [SECRET]: {
    ...deletionPolicy,
    replaces: words("replication secretId project"),
    permissions: permissions("secretmanager.secrets"),
    defaults: { deletionProtection: false },
    references: [{ at: "replication.userManaged.replicas.customerManagedEncryption.kmsKeyName", to: KEY }],
    id: secretPath,
    created: (making) => ({ createTime: making.now }),
    outputs: (making) => ({ name: `projects/${PROJECT_NUMBER}/secrets/${making.text("secretId")}` }),
    handles: (making) => [making.text("secretId")],
    refuseRemoval: protectedBy("deletionProtection"),
  },
  [VERSION]: {
    ...deletionPolicy,
    replaces: words("secretData secretDataWoVersion secret isSecretDataBase64 project"),
    permissions: {
      create: words("secretmanager.versions.add secretmanager.versions.get secretmanager.versions.access"),
      read: words("secretmanager.versions.get secretmanager.versions.access"),
      update: words("secretmanager.versions.enable secretmanager.versions.disable secretmanager.versions.get"),
      delete: words("secretmanager.versions.destroy secretmanager.versions.get"),
    },
    // A secret is removed with its versions.
    references: [{ at: "secret", to: SECRET, holds: false }],
    defaults: { enabled: true },
    id: (making) =>
      `projects/${PROJECT_NUMBER}/secrets/${making.of("secret", "secretId")}/versions/${making.text("version")}`,
    created: (making) => {
      const version = String(versionNumber(making));
      const name = `projects/${PROJECT_NUMBER}/secrets/${making.of("secret", "secretId")}/versions/${version}`;
      return { createTime: making.now, destroyTime: "", version, name };
    },
  },
  [KEY_RING]: {
    autoName: LOWER_NAME,
    replaces: words("location name project"),
    permissions: permissions("cloudkms.keyRings"),
    id: ringPath,
    // The API has no way to remove a key ring, nor a key: the name stays taken.
    stays: () => true,
  },
  [KEY]: {
    autoName: LOWER_NAME,
    replaces: words(
      "keyRing name cryptoKeyBackend destroyScheduledDuration importOnly purpose versionTemplate.protectionLevel",
    ),
    permissions: permissions("cloudkms.cryptoKeys", {
      delete: "cloudkms.cryptoKeyVersions.list cloudkms.cryptoKeyVersions.destroy cloudkms.cryptoKeys.update",
    }),
    references: [{ at: "keyRing", to: KEY_RING }],
    defaults: {
      purpose: "ENCRYPT_DECRYPT",
      destroyScheduledDuration: "2592000s",
      importOnly: false,
      versionTemplate: { algorithm: "GOOGLE_SYMMETRIC_ENCRYPTION", protectionLevel: "SOFTWARE" },
    },
    id: keyPath,
    outputs: (making) => ({ primaries: [{ name: `${keyPath(making)}/cryptoKeyVersions/1`, state: "ENABLED" }] }),
    stays: () => true,
  },
};
