/** Cloud Storage. Sources as in network.ts; services/storage. */
import { isTrueAt } from "@automatos/provider-rehearsal";
import type { ResourceModel } from "@automatos/provider-rehearsal";
import { deletionPolicy, permissions, toServiceAccount, words } from "../declare.ts";

const BUCKET = "gcp:storage/bucket:Bucket";
const OBJECT = "gcp:storage/bucketObject:BucketObject";
const API = "https://www.googleapis.rehearsal.invalid/storage/v1";

export const storageModels: Readonly<Record<string, ResourceModel>> = {
  [BUCKET]: {
    ...deletionPolicy,
    autoName: { property: "name", maxLength: 222 },
    replaces: words("name location project enableObjectRetention hierarchicalNamespace"),
    permissions: permissions("storage.buckets"),
    defaults: {
      storageClass: "STANDARD",
      forceDestroy: false,
      publicAccessPrevention: "inherited",
      uniformBucketLevelAccess: false,
      rpo: "DEFAULT",
      requesterPays: false,
    },
    references: [{ at: "encryption.defaultKmsKeyName", to: "gcp:kms/cryptoKey:CryptoKey" }],
    validate: (inputs) => {
      const name = inputs["name"];
      if (typeof name !== "string" || /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/.test(name)) return [];
      return [
        {
          property: "name",
          reason: `Invalid bucket name: '${name}'. Names have 3 to 222 lower-case letters, digits, -, _ and .`,
        },
      ];
    },
    id: (making) => making.text("name"),
    unique: (making) => [`bucket/${making.text("name")}`],
    contents: { types: [OBJECT], removedWhen: (outputs) => isTrueAt(outputs, "forceDestroy") },
    created: (making) => ({ timeCreated: making.now, updated: making.now }),
    outputs: (making) => ({
      location: making.text("location").toUpperCase(),
      selfLink: `${API}/b/${making.text("name")}`,
      url: `gs://${making.text("name")}`,
      projectNumber: 0,
      softDeletePolicy: making.known["softDeletePolicy"] ?? { effectiveTime: "", retentionDurationSeconds: 604_800 },
    }),
  },
  [OBJECT]: {
    ...deletionPolicy,
    autoName: { property: "name", maxLength: 255 },
    replaces: words(
      "bucket name cacheControl contentDisposition contentEncoding contentLanguage contentType forceEmptyContentType " +
        "source storageClass kmsKeyName metadata",
    ),
    permissions: permissions("storage.objects", { update: "storage.objects.create storage.objects.delete" }),
    references: [{ at: "bucket", to: BUCKET }],
    defaults: { storageClass: "STANDARD" },
    id: (making) => `${making.text("bucket")}-${making.text("name")}`,
    outputs: (making) => ({
      outputName: making.text("name"),
      selfLink: `${API}/b/${making.text("bucket")}/o/${encodeURIComponent(making.text("name"))}`,
      mediaLink: `${API}/b/${making.text("bucket")}/o/${encodeURIComponent(making.text("name"))}?alt=media`,
      md5hash: Buffer.from(making.hex(32), "hex").toString("base64"),
      md5hexhash: making.hex(32),
      crc32c: Buffer.from(making.hex(8), "hex").toString("base64"),
      generation: making.below(10 ** 12),
    }),
  },
  "gcp:storage/hmacKey:HmacKey": {
    ...deletionPolicy,
    replaces: words("serviceAccountEmail project"),
    permissions: permissions("storage.hmacKeys"),
    references: [{ ...toServiceAccount("serviceAccountEmail"), holds: true }],
    defaults: { state: "ACTIVE" },
    id: (making) => `projects/${making.place["project"] ?? ""}/hmacKeys/GOOG1EREHEARSED${making.hex(16).toUpperCase()}`,
    created: (making) => ({
      accessId: `GOOG1EREHEARSED${making.hex(16).toUpperCase()}`,
      secret: `rehearsed${making.hex(31, "secret")}`,
      timeCreated: making.now,
      updated: making.now,
    }),
  },
};
