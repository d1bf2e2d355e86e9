import { randomUUID } from "node:crypto";
import { z } from "zod";
import { RailwayError, RailwayNotFoundError } from "../client/errors.ts";
import { makeOnce } from "../client/make-once.ts";
import { allOf } from "../client/operation.ts";
import type { RailwayClient } from "../client/railway-client.ts";
import {
  commitPatch,
  createVolume,
  deleteVolume,
  listVolumeInstances,
  moveVolume,
  type VolumeInstance,
} from "../client/volume-operations.ts";
import { confirmGone } from "./confirm-gone.ts";
import { changedKeys, failuresOf, GONE, isKnown, maybe, type RailwayProvider } from "./provider.ts";

export interface VolumeInputs {
  readonly workspaceId: string;
  readonly projectId: string;
  readonly environmentId: string;
  readonly serviceId: string;
  readonly mountPath: string;
  readonly sizeGb: number;
  readonly region?: string;
  /** Without it nothing deletes the volume: neither `destroy` nor a replacement. */
  readonly deletionAllowed: boolean;
  readonly importId?: string;
}

export interface VolumeOutputs extends Omit<VolumeInputs, "importId"> {
  /** Another one after each change: what runs must be deployed anew. */
  readonly revision: string;
}

/** A Railway GB is 1,000 MB. */
const MB_PER_GB = 1_000;
/** How often a volume that grows is looked at, and how far apart. */
const GROW_LOOKS = 60;
const GROW_MS = 2_000;

const Inputs = z.object({
  workspaceId: maybe(z.string().min(1)),
  projectId: maybe(z.string().min(1)),
  environmentId: maybe(z.string().min(1)),
  serviceId: maybe(z.string().min(1)),
  mountPath: maybe(z.string().regex(/^\/[^\s]+$/, "must be an absolute path below /")),
  sizeGb: maybe(z.number().positive().max(5_000)),
  region: maybe(z.string().min(1)).optional(),
  deletionAllowed: z.boolean(),
  importId: maybe(z.string().min(1)).optional(),
});

const REPLACING = ["projectId", "environmentId", "region"] as const;

/** The life of a volume. It only grows, moves with its service, and is not deleted unless that is allowed. */
export function volumeProvider(open: () => RailwayClient): RailwayProvider<VolumeInputs, VolumeOutputs> {
  const instances = async ({ workspaceId, projectId, environmentId }: VolumeInputs | VolumeOutputs) => {
    try {
      const all = await allOf(
        async (after) =>
          (await open().call(listVolumeInstances, { projectId, environmentId, after })).environment.volumeInstances,
      );
      return all.filter((each) => !each.isPendingDeletion && each.deletedAt == null);
    } catch (error) {
      if (!(error instanceof RailwayNotFoundError)) throw error;
      await confirmGone(open(), { workspaceId, projectId });
      return []; // its project is gone, and it with it
    }
  };
  const byId = async (inputs: VolumeInputs | VolumeOutputs, id: string) =>
    (await instances(inputs)).find(({ volume }) => volume.id === id);

  const apply = async (id: string, inputs: VolumeInputs): Promise<VolumeOutputs> => {
    const client = open();
    const { workspaceId, projectId, environmentId, serviceId, mountPath, sizeGb, region, deletionAllowed } = inputs;
    const found = await until(client, id, () => byId(inputs, id));
    if (found.serviceId !== serviceId || found.mountPath !== mountPath) {
      await client.call(moveVolume, { volumeId: id, environmentId, input: { serviceId, mountPath } });
    }
    if (found.sizeMB < sizeGb * MB_PER_GB) {
      const patch = { volumes: { [id]: { sizeMB: sizeGb * MB_PER_GB } } };
      await client.call(commitPatch, { environmentId, patch, message: `volume ${mountPath}: ${sizeGb} GB` });
      await until(client, id, async () => {
        const now = await byId(inputs, id);
        return now !== undefined && now.sizeMB >= sizeGb * MB_PER_GB && isReady(now) ? now : undefined;
      });
    }
    return {
      ...{ workspaceId, projectId, environmentId, serviceId, mountPath, sizeGb, deletionAllowed },
      revision: randomUUID(),
      ...(region === undefined ? {} : { region }),
    };
  };

  return {
    async check(olds, news) {
      const failures = failuresOf(Inputs, news);
      // `olds` are the inputs of before; there are none when it is created
      if ((olds as Partial<VolumeInputs>).mountPath !== undefined && failures.length === 0) {
        if (isKnown(news.sizeGb) && news.sizeGb < olds.sizeGb) {
          failures.push({
            property: "sizeGb",
            reason: `sizeGb: a volume only grows, and this one has ${olds.sizeGb} GB`,
          });
        }
        const replaced = changedKeys(REPLACING, olds, news).filter((key) => isKnown(news[key]));
        if (replaced.length > 0 && !olds.deletionAllowed) {
          const reason = `${replaced.join(", ")}: this would put an empty volume in its place; back it up, and set deletionAllowed first`;
          failures.push({ property: replaced[0] ?? "", reason });
        }
      }
      return { inputs: news, failures };
    },

    async diff(_id, olds, news) {
      const replaces = changedKeys(REPLACING, olds, news);
      const changes = changedKeys(["serviceId", "mountPath", "deletionAllowed"], olds, news);
      return { changes: replaces.length + changes.length > 0 || olds.sizeGb < news.sizeGb, replaces };
    },

    async create(inputs) {
      const { projectId, environmentId, serviceId, mountPath, region, importId } = inputs;
      if (importId !== undefined) {
        if ((await byId(inputs, importId)) === undefined) throw new RailwayNotFoundError("volume", importId);
        return { id: importId, outs: await apply(importId, inputs) };
      }
      const { id } = await makeOnce(open(), {
        find: async () => ownVolume(inputs, await instances(inputs)),
        make: async () => {
          const input = { projectId, environmentId, serviceId, mountPath, ...(region === undefined ? {} : { region }) };
          return (await open().call(createVolume, { input })).volumeCreate;
        },
      });
      return { id, outs: await apply(id, inputs) };
    },

    async read(id, props) {
      const found = props === undefined ? undefined : await byId(props, id);
      if (props === undefined || found === undefined) return GONE;
      const { serviceId, mountPath, sizeMB } = found;
      return { id, props: { ...props, serviceId: serviceId ?? "", mountPath, sizeGb: sizeMB / MB_PER_GB } };
    },

    async update(id, olds, news) {
      const outs = await apply(id, news);
      const moved = changedKeys(["serviceId", "mountPath", "sizeGb"], olds, news).length > 0;
      return { outs: moved ? outs : { ...outs, revision: olds.revision } };
    },

    async delete(id, props) {
      if ((await byId(props, id)) === undefined) return;
      if (!props.deletionAllowed) {
        throw new RailwayError(
          "RAILWAY_PROTECTED",
          `volume ${id} at ${props.mountPath} holds data and may not be deleted`,
          "Back it up, set deletionAllowed, run `pulumi up`, and delete it then.",
        );
      }
      await open()
        .call(deleteVolume, { volumeId: id })
        .catch((error: unknown) => {
          if (!(error instanceof RailwayNotFoundError)) throw error;
        });
    },
  };
}

const isReady = ({ state }: VolumeInstance): boolean => state == null || state === "READY";

async function until<Found>(client: RailwayClient, id: string, look: () => Promise<Found | undefined>): Promise<Found> {
  for (let looks = 1; looks <= GROW_LOOKS; looks += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await client.clock.sleep(Math.min(GROW_MS, 250 * looks));
  }
  throw new RailwayError(
    "RAILWAY_TIMED_OUT",
    `volume ${id} is not as it was asked for after ${GROW_LOOKS} looks`,
    "Look at it in Railway's dashboard, and run the same command again.",
  );
}

/** @throws RailwayError when the service has another volume: Railway gives it one. */
function ownVolume(
  { serviceId, mountPath }: VolumeInputs,
  instances: readonly VolumeInstance[],
): { id: string } | undefined {
  const attached = instances.filter((each) => each.serviceId === serviceId);
  const own = attached.find((each) => each.mountPath === mountPath);
  const [other] = attached;
  if (own === undefined && other !== undefined) {
    throw new RailwayError(
      "RAILWAY_AMBIGUOUS",
      `the service has a volume ${other.volume.id} at ${other.mountPath} already, and Railway gives it one`,
      "Take that one over with importId, or detach it first.",
    );
  }
  return own?.volume;
}
