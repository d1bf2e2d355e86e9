/** The functions of @pulumi/gcp that can be answered out of the pretended cloud. */
import { Secret } from "@automatos/provider-plugin";
import type { PropertyMap } from "@automatos/provider-plugin";
import { firstText, textAt } from "@automatos/provider-rehearsal";
import type { CloudFunction } from "@automatos/provider-rehearsal";
import { computeLink, lastPart, markedProject, PROJECT_NUMBER } from "./names.ts";

const text = (args: PropertyMap, key: string) => textAt(args, key) ?? "";

/** The resource that the argument names, with all of its outputs. */
const lookUp =
  (type: string, argument = "name"): CloudFunction =>
  ({ args, find }) =>
    find(type, text(args, argument));

const REGIONS = ["europe-west1", "europe-west3", "europe-west4", "us-central1", "us-east1", "us-west1"];

export const gcpFunctions: ReadonlyMap<string, CloudFunction> = new Map<string, CloudFunction>(
  Object.entries({
    "gcp:organizations/getClientConfig:getClientConfig": ({ place, anyCluster }) => ({
      id: `projects/${place["project"] ?? ""}`,
      project: place["project"] ?? "",
      region: place["region"] ?? "",
      zone: place["zone"] ?? "",
      // Programs make kubeconfigs of it: that of the real cluster, or one that no server knows.
      accessToken: new Secret(firstText(anyCluster?.token, "rehearsed")),
      defaultLabels: {},
    }),
    "gcp:organizations/getClientOpenIdUserInfo:getClientOpenIdUserInfo": () => ({
      id: "rehearsed",
      email: "rehearsed@rehearsal.invalid",
    }),
    "gcp:organizations/getProject:getProject": ({ args, place }) => {
      const project = markedProject(text(args, "projectId") || (place["project"] ?? ""));
      return {
        id: `projects/${project}`,
        projectId: project,
        number: PROJECT_NUMBER,
        name: project,
        orgId: "",
        folderId: "",
        billingAccount: "000000-000000-000000",
        autoCreateNetwork: true,
        labels: {},
        effectiveLabels: {},
        pulumiLabels: {},
        tags: {},
        deletionPolicy: "PREVENT",
      };
    },
    "gcp:compute/getZones:getZones": ({ args, place }) => {
      const region = text(args, "region") || (place["region"] ?? "");
      return {
        id: region,
        names: ["a", "b", "c"].map((zone) => `${region}-${zone}`),
        project: place["project"] ?? "",
        region,
      };
    },
    "gcp:compute/getRegions:getRegions": ({ place }) => ({
      id: "regions",
      names: REGIONS,
      project: place["project"] ?? "",
    }),
    "gcp:compute/getNetwork:getNetwork": ({ args, place, find }) => {
      const name = text(args, "name");
      if (name !== "default") return { subnetworksSelfLinks: [], ...find("gcp:compute/network:Network", name) };
      const path = `projects/${place["project"] ?? ""}/global/networks/default`;
      return {
        id: path,
        name,
        selfLink: computeLink(path),
        description: "",
        subnetworksSelfLinks: [],
        networkId: 0,
        numericId: "0",
      };
    },
    "gcp:compute/getSubnetwork:getSubnetwork": ({ args, find }) =>
      find("gcp:compute/subnetwork:Subnetwork", text(args, "selfLink") || text(args, "name")),
    "gcp:compute/getAddress:getAddress": lookUp("gcp:compute/address:Address"),
    "gcp:compute/getGlobalAddress:getGlobalAddress": lookUp("gcp:compute/globalAddress:GlobalAddress"),
    "gcp:container/getCluster:getCluster": lookUp("gcp:container/cluster:Cluster"),
    "gcp:container/getEngineVersions:getEngineVersions": () => ({
      id: "rehearsed",
      defaultClusterVersion: "1.34.1-gke.1829001",
      latestMasterVersion: "1.34.1-gke.1829001",
      latestNodeVersion: "1.34.1-gke.1829001",
      validMasterVersions: ["1.34.1-gke.1829001"],
      validNodeVersions: ["1.34.1-gke.1829001"],
      releaseChannelDefaultVersion: {
        REGULAR: "1.34.1-gke.1829001",
        STABLE: "1.33.5-gke.1162000",
        RAPID: "1.34.1-gke.1829001",
      },
      releaseChannelLatestVersion: {
        REGULAR: "1.34.1-gke.1829001",
        STABLE: "1.33.5-gke.1162000",
        RAPID: "1.34.1-gke.1829001",
      },
      releaseChannelUpgradeTargetVersion: {},
    }),
    "gcp:dns/getManagedZone:getManagedZone": lookUp("gcp:dns/managedZone:ManagedZone"),
    "gcp:kms/getKMSKeyRing:getKMSKeyRing": lookUp("gcp:kms/keyRing:KeyRing"),
    "gcp:kms/getKMSCryptoKey:getKMSCryptoKey": lookUp("gcp:kms/cryptoKey:CryptoKey"),
    "gcp:secretmanager/getSecret:getSecret": lookUp("gcp:secretmanager/secret:Secret", "secretId"),
    "gcp:serviceaccount/getAccount:getAccount": ({ args, place, find }) => {
      const id = lastPart(text(args, "accountId"));
      const email = id.includes("@") ? id : `${id}@${place["project"] ?? ""}.iam.gserviceaccount.com`;
      return find("gcp:serviceaccount/account:Account", email);
    },
    "gcp:sql/getDatabaseInstance:getDatabaseInstance": lookUp("gcp:sql/databaseInstance:DatabaseInstance"),
    "gcp:storage/getBucket:getBucket": lookUp("gcp:storage/bucket:Bucket"),
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": ({ place }) => {
      const emailAddress = `service-${PROJECT_NUMBER}@gs-project-accounts.rehearsal.invalid`;
      return {
        id: emailAddress,
        emailAddress,
        member: `serviceAccount:${emailAddress}`,
        project: place["project"] ?? "",
      };
    },
    "gcp:artifactregistry/getRepository:getRepository": lookUp(
      "gcp:artifactregistry/repository:Repository",
      "repositoryId",
    ),
    "gcp:organizations/getIAMPolicy:getIAMPolicy": ({ args }) => {
      const policyData = JSON.stringify({ bindings: args["bindings"] ?? [], auditConfigs: args["auditConfigs"] ?? [] });
      return { id: "rehearsed", policyData, bindings: args["bindings"], auditConfigs: args["auditConfigs"] };
    },
  } satisfies Record<string, CloudFunction>),
);
