/** Artifact Registry, Cloud DNS, certificates. Sources as in network.ts. */
import type { Making, Properties, ResourceModel } from "@automatos/provider-rehearsal";
import { compute, deletionPolicy, LOWER_NAME, permissions, toNetwork, words } from "../declare.ts";
import { lastPart } from "../names.ts";

const ZONE = "gcp:dns/managedZone:ManagedZone";
const CERTIFICATE = "gcp:certificatemanager/certificate:Certificate";
const MAP = "gcp:certificatemanager/certificateMap:CertificateMap";
const AUTHORIZATION = "gcp:certificatemanager/dnsAuthorization:DnsAuthorization";

const projectOf = (making: Making) => making.place["project"] ?? "";
const repositoryPath = (making: Making) =>
  `projects/${projectOf(making)}/locations/${repositoryLocation(making)}/repositories/${making.text("repositoryId")}`;
const repositoryLocation = (making: Making) => making.text("location") || (making.place["region"] ?? "");

/** Resources of Certificate Manager are global unless they say where. */
function certificateModel(
  collection: string,
  base: string,
  replaces: string,
  rest: Partial<ResourceModel>,
): ResourceModel {
  return {
    ...deletionPolicy,
    autoName: LOWER_NAME,
    replaces: words(`name project ${replaces}`),
    permissions: permissions(`certificatemanager.${base}`, { create: "certificatemanager.operations.get" }),
    id: (making) =>
      `projects/${projectOf(making)}/locations/${making.text("location") || "global"}/${collection}/${making.text("name")}`,
    ...rest,
    created: (making): Properties => ({ createTime: making.now, updateTime: making.now, ...rest.created?.(making) }),
  };
}

export const deliveryModels: Readonly<Record<string, ResourceModel>> = {
  "gcp:artifactregistry/repository:Repository": {
    ...deletionPolicy,
    replaces: words("format repositoryId kmsKeyName location mavenConfig mode remoteRepositoryConfig project"),
    permissions: permissions("artifactregistry.repositories"),
    references: [{ at: "kmsKeyName", to: "gcp:kms/cryptoKey:CryptoKey" }],
    defaults: { mode: "STANDARD_REPOSITORY" },
    id: repositoryPath,
    created: (making) => ({ createTime: making.now, updateTime: making.now }),
    outputs: (making) => ({
      name: making.text("repositoryId"),
      location: repositoryLocation(making),
      registryUri: `${repositoryLocation(making)}-docker.rehearsal.invalid/${projectOf(making)}/${making.text("repositoryId")}`,
    }),
  },
  [ZONE]: {
    ...deletionPolicy,
    autoName: { property: "name", maxLength: 63, lowerCase: true },
    replaces: words("dnsName name visibility project"),
    permissions: permissions("dns.managedZones", { create: "dns.networks.bindPrivateDNSZone" }),
    references: [toNetwork("privateVisibilityConfig.networks.networkUrl")],
    defaults: { description: "Managed by Pulumi", visibility: "public", forceDestroy: false },
    validate: (inputs) =>
      typeof inputs["dnsName"] === "string" && !inputs["dnsName"].endsWith(".")
        ? [{ property: "dnsName", reason: `Invalid DNS name '${inputs["dnsName"]}': it must end with a dot` }]
        : [],
    id: (making) => `projects/${projectOf(making)}/managedZones/${making.text("name")}`,
    created: (making) => ({ creationTime: making.now }),
    outputs: (making) => ({
      managedZoneId: `${making.below(10 ** 12)}`,
      nameServers: ["a", "b", "c", "d"].map((letter) => `ns-cloud-${letter}1.rehearsal.invalid.`),
    }),
    contents: {
      types: ["gcp:dns/recordSet:RecordSet"],
      removedWhen: (outputs) => outputs["forceDestroy"] === true,
    },
  },
  "gcp:dns/recordSet:RecordSet": {
    ...deletionPolicy,
    autoName: "none",
    replaces: words("managedZone name project"),
    permissions: permissions("dns.resourceRecordSets", {
      create: "dns.changes.create",
      update: "dns.changes.create",
      delete: "dns.changes.create",
    }),
    references: [{ at: "managedZone", to: ZONE }],
    refuse: (making) => {
      const suffix = making.of("managedZone", "dnsName");
      const name = making.text("name");
      if (suffix === "" || name === suffix || name.endsWith(`.${suffix}`)) return undefined;
      return `Invalid value for 'entity.change.additions[0].name': '${name}' is not in the zone ${suffix}`;
    },
    id: (making) =>
      `projects/${projectOf(making)}/managedZones/${lastPart(making.text("managedZone"))}/rrsets/${making.text("name")}/${making.text("type")}`,
  },
  "gcp:compute/managedSslCertificate:ManagedSslCertificate": compute("global", "sslCertificates", {
    ...deletionPolicy,
    replaces: "description managed type",
    permissions: permissions("compute.sslCertificates"),
    defaults: { type: "MANAGED" },
    outputs: (making) => ({
      certificateId: making.below(10 ** 12),
      expireTime: "",
      subjectAlternativeNames: making.texts("managed.domains"),
    }),
  }),
  "gcp:compute/sSLCertificate:SSLCertificate": compute("global", "sslCertificates", {
    ...deletionPolicy,
    replaces: "certificate description privateKey privateKeyWoVersion namePrefix",
    permissions: permissions("compute.sslCertificates"),
    outputs: (making) => ({ certificateId: making.below(10 ** 12), expireTime: making.now }),
  }),
  [CERTIFICATE]: certificateModel("certificates", "certs", "location managed scope", {
    defaults: { scope: "DEFAULT", location: "global" },
    references: [{ at: "managed.dnsAuthorizations", to: AUTHORIZATION }],
    outputs: (making) => ({ sanDnsnames: making.texts("managed.domains") }),
  }),
  [MAP]: certificateModel("certificateMaps", "certmaps", "", { outputs: () => ({ gclbTargets: [] }) }),
  "gcp:certificatemanager/certificateMapEntry:CertificateMapEntry": certificateModel(
    "certificateMapEntries",
    "certmapentries",
    "map hostname matcher",
    {
      references: [
        { at: "map", to: MAP },
        { at: "certificates", to: CERTIFICATE },
      ],
      outputs: () => ({ state: "ACTIVE" }),
    },
  ),
  [AUTHORIZATION]: certificateModel("dnsAuthorizations", "dnsauthorizations", "domain location type", {
    defaults: { location: "global" },
    outputs: (making) => ({
      dnsResourceRecords: [
        {
          name: `_acme-challenge.${making.text("domain")}.`,
          type: "CNAME",
          data: `${making.hex(36)}.1.authorize.rehearsal.invalid.`,
        },
      ],
    }),
  }),
};
