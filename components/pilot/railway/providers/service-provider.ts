import { randomUUID } from "node:crypto";
import { z } from "zod";
import { RailwayError, RailwayNotFoundError } from "../client/errors.ts";
import { findSettled, makeOnce } from "../client/make-once.ts";
import { allOf } from "../client/operation.ts";
import { listServices } from "../client/project-operations.ts";
import type { RailwayClient } from "../client/railway-client.ts";
import {
  createService,
  deleteService,
  readInstance,
  renameService,
  updateInstance,
  updateLimits,
} from "../client/service-operations.ts";
import { listVolumeInstances } from "../client/volume-operations.ts";
import { confirmGone, type Home } from "./confirm-gone.ts";
import { refuseForeignService } from "./own-service.ts";
import { canonical, changedKeys, failuresOf, GONE, maybe, type RailwayProvider } from "./provider.ts";
import { foundSettings, instanceSettings, type ServiceSettings, settingsOf } from "./service-settings.ts";

export interface ServiceInputs extends ServiceSettings {
  readonly workspaceId: string;
  readonly projectId: string;
  readonly environmentId: string;
  readonly name: string;
  /** The stack that it belongs to, as its variables say; undefined: one that has more than a name is not taken over. */
  readonly owner?: string;
  /** Whether a volume is mounted, which Railway gives to one replica only. */
  readonly volume: boolean;
  readonly registryCredentials?: { readonly username: string; readonly password: string };
  readonly importId?: string;
}

export interface ServiceOutputs extends Pick<
  ServiceInputs,
  "workspaceId" | "projectId" | "environmentId" | "name" | "owner" | "registryCredentials"
> {
  /** As they are at Railway; null: not set here, and left as they are. */
  readonly settings: ReturnType<typeof settingsOf>;
  /** Another one after each change: what runs must be deployed anew. */
  readonly revision: string;
}

/** A service's name is its host name in the private network. */
const SERVICE_NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

const Inputs = z
  .object({
    workspaceId: maybe(z.string().min(1)),
    projectId: maybe(z.string().min(1)),
    environmentId: maybe(z.string().min(1)),
    name: maybe(
      z.string().regex(SERVICE_NAME, "must be a host name of up to 32 lower-case letters, digits and dashes"),
    ),
    owner: maybe(z.string().min(1)).optional(),
    image: maybe(z.string().min(1).max(512)),
    startCommand: maybe(z.string().min(1)).optional(),
    healthcheckPath: maybe(z.string().regex(/^\//, "must begin with a slash")).optional(),
    healthcheckTimeoutSeconds: maybe(z.int().min(1).max(3_600)).optional(),
    restartPolicy: maybe(
      z.strictObject({ type: z.enum(["ALWAYS", "NEVER", "ON_FAILURE"]), maxRetries: z.int().min(0).max(100) }),
    ),
    region: maybe(z.string().min(1)).optional(),
    replicas: maybe(z.int().min(1).max(50)),
    drainingSeconds: maybe(z.int().min(0).max(3_600)).optional(),
    limits: maybe(
      z.strictObject({
        cpu: z.number().positive().max(64).optional(),
        memoryGb: z.number().positive().max(64).optional(),
      }),
    ).optional(),
    volume: z.boolean(),
    registryCredentials: maybe(z.strictObject({ username: maybe(z.string()), password: maybe(z.string()) })).optional(),
    importId: maybe(z.string().min(1)).optional(),
  })
  .refine(({ volume, replicas }) => !volume || replicas === 1, {
    path: ["replicas"],
    message: "Railway gives a volume to one replica only: use 1, or services with a volume each",
  });

/** The life of a service: its name and its settings. It deploys nothing: RailwayDeployment does, when all is in place. */
export function serviceProvider(open: () => RailwayClient): RailwayProvider<ServiceInputs, ServiceOutputs> {
  const find = async ({ workspaceId, projectId }: Home, wanted: { readonly id?: string; readonly name?: string }) => {
    try {
      const services = await allOf(
        async (after) => (await open().call(listServices, { projectId, after })).project.services,
      );
      return services.find(
        ({ id, name, deletedAt }) => deletedAt == null && (wanted.id === id || wanted.name === name),
      );
    } catch (error) {
      if (!(error instanceof RailwayNotFoundError)) throw error;
      await confirmGone(open(), { workspaceId, projectId });
      return undefined; // its project is gone, and it with it
    }
  };
  /** @throws RailwayError when one of that name is somebody else's. */
  const findOwn = async (inputs: ServiceInputs) => {
    const found = await find(inputs, { name: inputs.name });
    if (found !== undefined) await refuseForeignService(open(), found.id, inputs);
    return found;
  };

  const apply = async (serviceId: string, inputs: ServiceInputs): Promise<ServiceOutputs> => {
    const client = open();
    const { workspaceId, projectId, environmentId, name, owner, limits, registryCredentials } = inputs;
    const key = { environmentId, serviceId };
    await client.call(updateInstance, { ...key, input: instanceSettings(inputs, registryCredentials) });
    if (limits !== undefined) {
      const input = { ...key, vCPUs: limits.cpu ?? null, memoryGB: limits.memoryGb ?? null };
      await client.call(updateLimits, { input });
    }
    return {
      ...{ workspaceId, projectId, environmentId, name, settings: settingsOf(inputs), revision: randomUUID() },
      ...(owner === undefined ? {} : { owner }),
      ...(registryCredentials === undefined ? {} : { registryCredentials }),
    };
  };

  return {
    check: async (_olds, news) => ({ inputs: news, failures: failuresOf(Inputs, news) }),

    async diff(_id, olds, news) {
      const replaces = changedKeys(["projectId", "environmentId"], olds, news);
      const changes = changedKeys(["name", "registryCredentials"], olds, news);
      const same = canonical(olds.settings) === canonical(settingsOf(news));
      return { changes: replaces.length + changes.length > 0 || !same, replaces };
    },

    async create(inputs) {
      const client = open();
      const { projectId, environmentId, name, importId } = inputs;
      if (importId !== undefined) {
        const there = await find(inputs, { id: importId });
        if (there === undefined) throw new RailwayNotFoundError("service", importId);
        if (there.name !== name) await client.call(renameService, { id: importId, input: { name } });
        return { id: importId, outs: await apply(importId, inputs) };
      }
      const { id } = await makeOnce<{ id: string }>(client, {
        find: () => findOwn(inputs),
        make: async () =>
          (await client.call(createService, { input: { projectId, environmentId, name } })).serviceCreate,
      });
      // made a moment ago, it may not be there yet for what configures it
      if ((await findSettled(client, () => find(inputs, { id }))) === undefined) {
        throw new RailwayNotFoundError("service", `${name} was made as ${id} and is not listed`);
      }
      return { id, outs: await apply(id, inputs) };
    },

    async read(id, props) {
      if (props === undefined) return GONE;
      const service = await find(props, { id });
      if (service === undefined) return GONE;
      const found = await open().call(readInstance, { environmentId: props.environmentId, serviceId: id });
      return { id, props: { ...props, name: service.name, settings: foundSettings(found, props.settings) } };
    },

    async update(id, olds, news) {
      const { name } = news;
      if (olds.name !== name) await open().call(renameService, { id, input: { name } });
      if (olds.settings.limits !== null && news.limits === undefined) {
        // taken out of the program: back to what the plan gives
        const input = { environmentId: news.environmentId, serviceId: id, vCPUs: null, memoryGB: null };
        await open().call(updateLimits, { input });
      }
      return { outs: await apply(id, news) };
    },

    async delete(id, props) {
      const client = open();
      const { projectId, environmentId, name } = props;
      if ((await find(props, { id })) === undefined) return;
      const attached = async () => {
        const instances = await allOf(
          async (after) =>
            (await client.call(listVolumeInstances, { projectId, environmentId, after })).environment.volumeInstances,
        );
        return instances.filter((each) => each.serviceId === id && !each.isPendingDeletion && each.deletedAt == null);
      };
      const free = await findSettled(client, async () => ((await attached()).length === 0 ? true : undefined));
      if (free === undefined) {
        throw new RailwayError(
          "RAILWAY_PROTECTED",
          `service ${name} still has a volume`,
          "Back it up, then delete the volume (`deletionAllowed` of RailwayVolume, or in Railway's dashboard), and run it again.",
        );
      }
      await client.call(deleteService, { id }).catch((error: unknown) => {
        if (!(error instanceof RailwayNotFoundError)) throw error;
      });
    },
  };
}
