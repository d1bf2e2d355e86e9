/** S3. Sources as in vpc.ts; internal/service/s3. */
import { isTrueAt } from "@automatos/provider-rehearsal";
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { named, permissions, replaces, toKey, words } from "../declare.ts";
import { arn, host } from "../names.ts";

const BUCKETS = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"];
const OBJECTS = ["aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2"];
/** What a bucket has one of, as a class of today and as one of before with `V2`; and its IAM action. */
const SETTINGS = [
  ["bucketAcl", "BucketAcl"],
  ["bucketCorsConfiguration", "BucketCORS"],
  ["bucketLifecycleConfiguration", "LifecycleConfiguration"],
  ["bucketLogging", "BucketLogging"],
  ["bucketServerSideEncryptionConfiguration", "EncryptionConfiguration"],
  ["bucketVersioning", "BucketVersioning"],
] as const;
const regionOf = (making: Making) => making.place["region"] ?? "";

/** Settings of a bucket are gone with it: they hold nothing. */
function setting(action: string, more: { remove?: string } = {}): ResourceModel {
  return {
    autoName: "none",
    replaces: replaces("bucket expectedBucketOwner"),
    permissions: permissions("s3", {
      create: `Put${action}`,
      read: `Get${action}`,
      update: `Put${action}`,
      delete: more.remove ?? `Put${action}`,
    }),
    references: [{ at: "bucket", to: BUCKETS, holds: false }],
    id: (making) => making.of("bucket", "bucket") || making.text("bucket"),
  };
}

const bucket: ResourceModel = {
  autoName: named(63, "bucket", { lowerCase: true }),
  replaces: replaces("bucket bucketPrefix bucketNamespace objectLockEnabled"),
  permissions: permissions("s3", {
    create: "CreateBucket PutBucketTagging PutBucketAcl PutBucketObjectLockConfiguration",
    read: words(
      "ListBucket GetBucketLocation GetBucketTagging GetBucketAcl GetBucketCORS GetBucketLogging GetBucketPolicy GetBucketRequestPayment " +
        "GetBucketVersioning GetBucketWebsite GetAccelerateConfiguration GetEncryptionConfiguration GetLifecycleConfiguration " +
        "GetReplicationConfiguration GetBucketObjectLockConfiguration",
    ).join(" "),
    update:
      "PutBucketTagging PutBucketPolicy DeleteBucketPolicy PutBucketVersioning PutEncryptionConfiguration PutLifecycleConfiguration",
    delete: "DeleteBucket DeleteObject DeleteObjectVersion ListBucketVersions",
  }),
  defaults: { forceDestroy: false, objectLockEnabled: false, requestPayer: "BucketOwner" },
  validate: (inputs) => {
    const name = inputs["bucket"];
    if (typeof name !== "string" || /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) return [];
    return [
      {
        property: "bucket",
        reason: `InvalidBucketName: "${name}" is not valid: 3 to 63 lower-case letters, digits, - and .`,
      },
    ];
  },
  id: (making) => making.text("bucket"),
  // One name for all accounts of the world.
  unique: (making) => [`bucket/${making.text("bucket")}`],
  contents: { types: OBJECTS, removedWhen: (outputs) => isTrueAt(outputs, "forceDestroy") },
  outputs: (making) => ({
    arn: arn(making, "s3", making.text("bucket"), "none"),
    bucketDomainName: host(making.text("bucket"), "s3"),
    bucketRegionalDomainName: host(making.text("bucket"), "s3", regionOf(making)),
    bucketRegion: regionOf(making),
    hostedZoneId: "Z0REHEARSEDS3",
    websiteDomain: "",
    websiteEndpoint: "",
  }),
  quota: { limit: 10_000, name: "general purpose buckets" },
};

const object: ResourceModel = {
  autoName: { property: "key", maxLength: 1_024, digits: 0 },
  replaces: replaces("bucket key"),
  permissions: permissions("s3", {
    create: "PutObject PutObjectTagging",
    read: "GetObject GetObjectTagging",
    update: "PutObject PutObjectTagging",
    delete: "DeleteObject DeleteObjectVersion",
  }),
  references: [{ at: "bucket", to: BUCKETS }, toKey("kmsKeyId")],
  defaults: {
    storageClass: "STANDARD",
    serverSideEncryption: "AES256",
    contentType: "application/octet-stream",
    forceDestroy: false,
  },
  id: (making) => `${making.text("bucket")}/${making.text("key")}`,
  outputs: (making) => ({
    arn: arn(making, "s3", `${making.text("bucket")}/${making.text("key")}`, "none"),
    etag: making.text("etag") || making.hex(32),
    versionId: "",
  }),
};

export const storageModels: Readonly<Record<string, ResourceModel>> = {
  ...Object.fromEntries(BUCKETS.map((type) => [type, bucket])),
  ...Object.fromEntries(OBJECTS.map((type) => [type, object])),
  "aws:s3/bucketPolicy:BucketPolicy": {
    ...setting("BucketPolicy", { remove: "DeleteBucketPolicy" }),
    replaces: replaces("bucket"),
  },
  ...Object.fromEntries(
    SETTINGS.flatMap(([name, action]) =>
      [name, `${name}V2`].map((kind) => [
        `aws:s3/${kind}:${kind[0]?.toUpperCase() ?? ""}${kind.slice(1)}`,
        setting(action),
      ]),
    ),
  ),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
    ...setting("BucketPublicAccessBlock"),
    replaces: replaces("bucket"),
    defaults: {
      blockPublicAcls: false,
      blockPublicPolicy: false,
      ignorePublicAcls: false,
      restrictPublicBuckets: false,
    },
  },
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
    ...setting("BucketOwnershipControls"),
    replaces: replaces("bucket"),
  },
};
