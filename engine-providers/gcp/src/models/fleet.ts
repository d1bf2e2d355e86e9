/** Fleets and the backup of clusters. Sources as in network.ts; services/gkehub, gkehub2, gkebackup. */
import type { Making, ResourceModel } from "@automatos/provider-rehearsal";
import { deletionPolicy, LOWER_NAME, permissions, words } from "../declare.ts";

const CLUSTER = "gcp:container/cluster:Cluster";
const MEMBERSHIP = "gcp:gkehub/membership:Membership";

const projectOf = (making: Making) => making.place["project"] ?? "";
const inLocation = (making: Making, otherwise: string, collection: string, name: string) =>
  `projects/${projectOf(making)}/locations/${making.text("location") || otherwise}/${collection}/${name}`;

export const fleetModels: Readonly<Record<string, ResourceModel>> = {
  [MEMBERSHIP]: {
    ...deletionPolicy,
    replaces: words("membershipId authority.issuer endpoint location project"),
    permissions: permissions("gkehub.memberships", { create: "gkehub.operations.get container.clusters.get" }),
    references: [
      {
        at: "endpoint.gkeCluster.resourceLink",
        to: CLUSTER,
        holds: false,
        read: (link) => link.replace("//container.googleapis.com/", ""),
      },
    ],
    defaults: { location: "global" },
    id: (making) => inLocation(making, "global", "memberships", making.text("membershipId")),
    outputs: (making) => ({ name: inLocation(making, "global", "memberships", making.text("membershipId")) }),
  },
  "gcp:gkehub/fleet:Fleet": {
    ...deletionPolicy,
    replaces: ["project"],
    permissions: permissions("gkehub.fleet"),
    id: (making) => `projects/${projectOf(making)}/locations/global/fleets/default`,
    created: (making) => ({ createTime: making.now, updateTime: making.now }),
    outputs: (making) => ({
      states: [{ code: "READY" }],
      uid: `00000000-0000-4000-8000-${making.hex(12)}`,
      deleteTime: "",
    }),
  },
  "gcp:gkehub/feature:Feature": {
    ...deletionPolicy,
    autoName: { property: "name", maxLength: 255 },
    replaces: words("location name project"),
    permissions: permissions("gkehub.features"),
    id: (making) => inLocation(making, "global", "features", making.text("name")),
    created: (making) => ({ createTime: making.now, updateTime: making.now, deleteTime: "" }),
    outputs: () => ({ resourceStates: [{ state: "ACTIVE", hasResources: true }], states: [] }),
  },
  "gcp:gkebackup/backupPlan:BackupPlan": {
    ...deletionPolicy,
    autoName: LOWER_NAME,
    replaces: words("cluster location name project"),
    permissions: permissions("gkebackup.backupPlans", { create: "container.clusters.get" }),
    references: [{ at: "cluster", to: CLUSTER, holds: false }],
    id: (making) => inLocation(making, projectOf(making), "backupPlans", making.text("name")),
    outputs: (making) => ({
      state: "READY",
      stateReason: "",
      uid: `00000000-0000-4000-8000-${making.hex(12)}`,
      etag: making.hex(16),
      protectedPodCount: 0,
    }),
  },
};
