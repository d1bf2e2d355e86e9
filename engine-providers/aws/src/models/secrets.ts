/** Secrets Manager, KMS, ECR, Route 53, ACM. Sources as in vpc.ts. */
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { named, permissions, replaces, tagging, toKey, toVpc } from "../declare.ts";
import { ACCOUNT, arn, host, uuid } from "../names.ts";

const SECRET = "aws:secretsmanager/secret:Secret";
const KEY = "aws:kms/key:Key";
const REPOSITORY = "aws:ecr/repository:Repository";
const ZONE = "aws:route53/zone:Zone";
const CERTIFICATE = "aws:acm/certificate:Certificate";
const RECORD = "aws:route53/record:Record";

const regionOf = (making: Making) => making.place["region"] ?? "";
const secretArn = (making: Making) => arn(making, "secretsmanager", `secret:${making.text("name")}-rehear`);
const keyArn = (making: Making) => arn(making, "kms", `key/${uuid(making)}`);
const zoneId = (making: Making) => `Z0REHEARSED${making.hex(10).toUpperCase()}`;
const certificateArn = (making: Making) => arn(making, "acm", `certificate/${uuid(making)}`);

/** What proves that the names are the owner's: one record for each. */
function validationOptions(
  making: Making,
): { domainName: string; resourceRecordName: string; resourceRecordType: string; resourceRecordValue: string }[] {
  const names = new Set([making.text("domainName"), ...making.texts("subjectAlternativeNames")]);
  return [...names].map((domainName) => ({
    domainName,
    resourceRecordName: `_${making.hex(32, domainName)}.${domainName.replace(/^\*\./, "")}.`,
    resourceRecordType: "CNAME",
    resourceRecordValue: `_${making.hex(32, `${domainName}/value`)}.acm-validations.rehearsal.invalid.`,
  }));
}

export const secretModels: Readonly<Record<string, ResourceModel>> = {
  [SECRET]: {
    autoName: named(255),
    replaces: replaces("name namePrefix"),
    permissions: permissions("secretsmanager", {
      create: `CreateSecret ${tagging("secretsmanager")} PutResourcePolicy`,
      read: "DescribeSecret GetResourcePolicy",
      update: `UpdateSecret PutResourcePolicy DeleteResourcePolicy ${tagging("secretsmanager")}`,
      delete: "DeleteSecret",
    }),
    references: [toKey("kmsKeyId")],
    defaults: { recoveryWindowInDays: 30, forceOverwriteReplicaSecret: false },
    id: secretArn,
    unique: (making) => [`secret/${regionOf(making)}/${making.text("name")}`],
    outputs: (making) => ({ arn: secretArn(making), policy: making.text("policy") }),
  },
  "aws:secretsmanager/secretVersion:SecretVersion": {
    replaces: replaces("secretId secretString secretBinary secretStringWoVersion"),
    permissions: permissions("secretsmanager", {
      create: "PutSecretValue",
      read: "GetSecretValue DescribeSecret",
      update: "UpdateSecretVersionStage",
      delete: "UpdateSecretVersionStage",
    }),
    references: [{ at: "secretId", to: SECRET, holds: false }],
    created: (making) => ({ versionId: uuid(making).replace("00000000-0000-4000-8000", "terraform-00000000") }),
    id: (making) => `${making.of("secretId", "arn")}|${making.text("versionId")}`,
    outputs: (making) => ({
      arn: making.of("secretId", "arn"),
      secretArn: making.of("secretId", "arn"),
      versionStages: making.known["versionStages"] ?? ["AWSCURRENT"],
      hasSecretStringWo: making.inputs["secretStringWo"] !== undefined,
    }),
  },
  [KEY]: {
    replaces: replaces(
      "bypassPolicyLockoutSafetyCheck customKeyStoreId customerMasterKeySpec keyUsage multiRegion xksKeyId",
    ),
    permissions: permissions("kms", {
      create: "CreateKey EnableKeyRotation PutKeyPolicy TagResource",
      read: "DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags",
      update:
        "UpdateKeyDescription EnableKeyRotation DisableKeyRotation PutKeyPolicy EnableKey DisableKey TagResource UntagResource",
      delete: "ScheduleKeyDeletion",
    }),
    defaults: {
      customerMasterKeySpec: "SYMMETRIC_DEFAULT",
      keyUsage: "ENCRYPT_DECRYPT",
      isEnabled: true,
      enableKeyRotation: false,
      multiRegion: false,
    },
    id: (making) => uuid(making),
    outputs: (making) => ({
      arn: keyArn(making),
      keyId: uuid(making),
      policy: making.text("policy") || '{"Version":"2012-10-17","Statement":[]}',
      description: making.text("description"),
    }),
    settlesLate: true,
  },
  "aws:kms/alias:Alias": {
    autoName: { property: "name", maxLength: 256 },
    replaces: replaces("name namePrefix"),
    permissions: permissions("kms", {
      create: "CreateAlias",
      read: "ListAliases",
      update: "UpdateAlias",
      delete: "DeleteAlias",
    }),
    references: [{ at: "targetKeyId", to: KEY, holds: false }],
    validate: (inputs) =>
      typeof inputs["name"] === "string" && !inputs["name"].startsWith("alias/")
        ? [
            {
              property: "name",
              reason: `"name" must begin with 'alias/' and be comprised of only [0-9A-Za-z_/-]; it is "${inputs["name"]}"`,
            },
          ]
        : [],
    id: (making) => making.text("name"),
    unique: (making) => [`kms-alias/${regionOf(making)}/${making.text("name")}`],
    outputs: (making) => ({
      arn: arn(making, "kms", making.text("name")),
      targetKeyArn: making.of("targetKeyId", "arn"),
    }),
  },
  [REPOSITORY]: {
    autoName: { property: "name", maxLength: 256, lowerCase: true },
    replaces: replaces("name encryptionConfigurations"),
    permissions: permissions("ecr", {
      create: "CreateRepository TagResource",
      read: "DescribeRepositories ListTagsForResource",
      update: "PutImageTagMutability PutImageScanningConfiguration TagResource UntagResource",
      delete: "DeleteRepository",
    }),
    defaults: { imageTagMutability: "MUTABLE", forceDelete: false },
    id: (making) => making.text("name"),
    unique: (making) => [`ecr/${regionOf(making)}/${making.text("name")}`],
    outputs: (making) => ({
      arn: arn(making, "ecr", `repository/${making.text("name")}`),
      registryId: ACCOUNT,
      repositoryUrl: `${host(ACCOUNT, "dkr.ecr", regionOf(making))}/${making.text("name")}`,
    }),
  },
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": {
    replaces: replaces("repository policy"),
    permissions: permissions("ecr", {
      create: "PutLifecyclePolicy",
      read: "GetLifecyclePolicy",
      delete: "DeleteLifecyclePolicy",
    }),
    references: [{ at: "repository", to: REPOSITORY, holds: false }],
    id: (making) => making.text("repository"),
    outputs: () => ({ registryId: ACCOUNT }),
  },
  [ZONE]: {
    replaces: ["name", "delegationSetId"],
    permissions: permissions("route53", {
      create: "CreateHostedZone ChangeTagsForResource GetChange ec2:DescribeVpcs",
      read: "GetHostedZone ListTagsForResource ListResourceRecordSets",
      update: "UpdateHostedZoneComment AssociateVPCWithHostedZone DisassociateVPCFromHostedZone ChangeTagsForResource",
      delete: "DeleteHostedZone",
    }),
    references: [{ ...toVpc, at: "vpcs.vpcId" }],
    defaults: { comment: "Managed by Pulumi", forceDestroy: false },
    id: zoneId,
    contents: { types: [RECORD], removedWhen: (outputs) => outputs["forceDestroy"] === true },
    outputs: (making) => ({
      arn: arn(making, "route53", `hostedzone/${zoneId(making)}`, "none"),
      zoneId: zoneId(making),
      name: making.text("name").replace(/\.$/, ""),
      nameServers: ["1", "2", "3", "4"].map((number) => host(`ns-${number}`, "awsdns")),
      primaryNameServer: host("ns-1", "awsdns"),
    }),
    quota: { limit: 500, name: "hosted zones" },
  },
  [RECORD]: {
    autoName: "none",
    replaces: ["zoneId"],
    permissions: permissions("route53", {
      create: "ChangeResourceRecordSets GetChange GetHostedZone",
      read: "ListResourceRecordSets GetHostedZone",
      update: "ChangeResourceRecordSets GetChange",
      delete: "ChangeResourceRecordSets GetChange",
    }),
    references: [{ at: "zoneId", to: ZONE }],
    id: (making) =>
      [making.text("zoneId"), making.text("name"), making.text("type"), making.text("setIdentifier")]
        .filter(Boolean)
        .join("_"),
    outputs: (making) => {
      const suffix = making.of("zoneId", "name");
      const name = making.text("name").replace(/\.$/, "");
      return {
        fqdn: name === suffix || name.endsWith(`.${suffix}`) || name === "" ? name || suffix : `${name}.${suffix}`,
      };
    },
  },
  [CERTIFICATE]: {
    replaces: replaces(
      "certificateAuthorityArn domainName keyAlgorithm subjectAlternativeNames validationMethod validationOptions",
    ),
    permissions: permissions("acm", {
      create: "RequestCertificate ImportCertificate AddTagsToCertificate",
      read: "DescribeCertificate ListTagsForCertificate",
      update: "UpdateCertificateOptions ImportCertificate AddTagsToCertificate RemoveTagsFromCertificate",
      delete: "DeleteCertificate",
    }),
    defaults: { keyAlgorithm: "RSA_2048", validationMethod: "NONE" },
    validate: (inputs) =>
      inputs["domainName"] !== undefined &&
      inputs["certificateAuthorityArn"] === undefined &&
      inputs["validationMethod"] === undefined
        ? [{ property: "validationMethod", reason: "`certificateAuthorityArn` or `validationMethod` must be set" }]
        : [],
    id: certificateArn,
    created: (making) => ({ notBefore: making.now, notAfter: making.now }),
    outputs: (making) => ({
      arn: certificateArn(making),
      domainValidationOptions: making.text("validationMethod") === "DNS" ? validationOptions(making) : [],
      status: making.text("certificateBody") === "" ? "PENDING_VALIDATION" : "ISSUED",
      type: making.text("certificateBody") === "" ? "AMAZON_ISSUED" : "IMPORTED",
      renewalEligibility: "INELIGIBLE",
      pendingRenewal: false,
      validationEmails: [],
    }),
  },
  "aws:acm/certificateValidation:CertificateValidation": {
    replaces: replaces("certificateArn validationRecordFqdns"),
    permissions: permissions("acm", {
      create: "DescribeCertificate",
      read: "DescribeCertificate",
      delete: "DescribeCertificate",
    }),
    references: [{ at: "certificateArn", to: CERTIFICATE, holds: false }],
    id: (making) => making.now,
  },
};
