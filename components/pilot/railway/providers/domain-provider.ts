import { z } from "zod";
import { RailwayError, RailwayNotFoundError } from "../client/errors.ts";
import { makeOnce } from "../client/make-once.ts";
import type { RailwayClient } from "../client/railway-client.ts";
import {
  createDomain,
  deleteDomain,
  listDomains,
  type ServiceDomain,
  updateDomain,
} from "../client/service-operations.ts";
import { confirmGone } from "./confirm-gone.ts";
import { changedKeys, failuresOf, GONE, maybe, type RailwayProvider } from "./provider.ts";

export interface DomainInputs {
  readonly workspaceId: string;
  readonly projectId: string;
  readonly environmentId: string;
  readonly serviceId: string;
  /** The port on which the service answers. */
  readonly targetPort: number;
  readonly importId?: string;
}

export interface DomainOutputs extends Omit<DomainInputs, "importId"> {
  /** The public name, which Railway chooses. */
  readonly domain: string;
}

const Inputs = z.object({
  workspaceId: maybe(z.string().min(1)),
  projectId: maybe(z.string().min(1)),
  environmentId: maybe(z.string().min(1)),
  serviceId: maybe(z.string().min(1)),
  targetPort: maybe(z.int().min(1).max(65_535)),
  importId: maybe(z.string().min(1)).optional(),
});

type Place = Pick<DomainInputs, "workspaceId" | "projectId" | "environmentId" | "serviceId">;

/** The life of a public name below Railway's own domain. */
export function domainProvider(open: () => RailwayClient): RailwayProvider<DomainInputs, DomainOutputs> {
  const list = async ({
    workspaceId,
    projectId,
    environmentId,
    serviceId,
  }: Place): Promise<readonly ServiceDomain[]> => {
    try {
      return (await open().call(listDomains, { projectId, environmentId, serviceId })).domains.serviceDomains;
    } catch (error) {
      if (!(error instanceof RailwayNotFoundError)) throw error;
      await confirmGone(open(), { workspaceId, projectId });
      return []; // gone with its service
    }
  };

  const apply = async (found: ServiceDomain, inputs: DomainInputs): Promise<DomainOutputs> => {
    const { workspaceId, projectId, environmentId, serviceId, targetPort } = inputs;
    const { id, domain } = found;
    if (found.targetPort !== targetPort) {
      await open().call(updateDomain, { input: { serviceDomainId: id, domain, environmentId, serviceId, targetPort } });
    }
    return { workspaceId, projectId, environmentId, serviceId, targetPort, domain };
  };

  return {
    check: async (_olds, news) => ({ inputs: news, failures: failuresOf(Inputs, news) }),

    async diff(_id, olds, news) {
      const replaces = changedKeys(["projectId", "environmentId", "serviceId"], olds, news);
      return { changes: replaces.length > 0 || olds.targetPort !== news.targetPort, replaces };
    },

    async create(inputs) {
      const { environmentId, serviceId, targetPort, importId } = inputs;
      if (importId !== undefined) {
        const there = (await list(inputs)).find(({ id }) => id === importId);
        if (there === undefined) throw new RailwayNotFoundError("domain", importId);
        return { id: importId, outs: await apply(there, inputs) };
      }
      const found = await makeOnce(open(), {
        find: async () => onlyDomain(await list(inputs)),
        make: async () =>
          (await open().call(createDomain, { input: { environmentId, serviceId, targetPort } })).serviceDomainCreate,
      });
      return { id: found.id, outs: await apply(found, inputs) };
    },

    async read(id, props) {
      const found = props === undefined ? undefined : (await list(props)).find((each) => each.id === id);
      if (props === undefined || found === undefined) return GONE;
      return { id, props: { ...props, domain: found.domain, targetPort: found.targetPort ?? 0 } };
    },

    async update(id, _olds, news) {
      const found = (await list(news)).find((each) => each.id === id);
      if (found === undefined) throw new RailwayNotFoundError("domain", id);
      return { outs: await apply(found, news) };
    },

    async delete(id, props) {
      if ((await list(props)).every((each) => each.id !== id)) return;
      await open()
        .call(deleteDomain, { id })
        .catch((error: unknown) => {
          if (!(error instanceof RailwayNotFoundError)) throw error;
        });
    },
  };
}

/** @throws RailwayError when there are several, of which none is more ours than the others. */
function onlyDomain(domains: readonly ServiceDomain[]): ServiceDomain | undefined {
  if (domains.length <= 1) return domains[0];
  throw new RailwayError(
    "RAILWAY_AMBIGUOUS",
    `the service has ${domains.length} public names: ${domains.map(({ domain, id }) => `${domain} (${id})`).join(", ")}`,
    "Take one over with importId.",
  );
}
