import { z } from "zod";
import { RailwayError, RailwayNameTakenError, RailwayNotFoundError } from "../client/errors.ts";
import { findSettled, makeOnce } from "../client/make-once.ts";
import { allOf } from "../client/operation.ts";
import {
  createProject,
  deleteProject,
  listProjects,
  type ListedProject,
  listVolumes,
  readProject,
  updateProject,
} from "../client/project-operations.ts";
import type { RailwayClient } from "../client/railway-client.ts";
import { listVolumeInstances } from "../client/volume-operations.ts";
import { confirmGone } from "./confirm-gone.ts";
import { changedKeys, failuresOf, GONE, maybe, type RailwayProvider } from "./provider.ts";

/** What a RailwayProject is given; plain data, as it is in a stack's state. */
export interface ProjectInputs {
  readonly name: string;
  /** Says which stack it belongs to: a project of the same name with other words is somebody else's. */
  readonly description: string;
  readonly workspaceId: string;
  readonly environmentName: string;
  readonly importId?: string;
}

export interface ProjectOutputs extends Omit<ProjectInputs, "importId"> {
  readonly environmentId: string;
}

const Inputs = z.object({
  name: maybe(z.string().trim().min(1).max(100)),
  description: maybe(z.string().max(255)),
  workspaceId: maybe(z.string().min(1)),
  environmentName: maybe(z.string().min(1).max(32)),
  importId: maybe(z.string().min(1)).optional(),
});

/** The life of a project. It is found again by its name and description, and not deleted while it has volumes. */
export function projectProvider(open: () => RailwayClient): RailwayProvider<ProjectInputs, ProjectOutputs> {
  /** Its name, its description and the id of its environment; undefined: it is gone. */
  const look = async (id: string, environmentName: string) => {
    try {
      const { project } = await open().call(readProject, { id });
      if (project.deletedAt != null) return undefined;
      const environment = project.environments.nodes.find(({ name }) => name === environmentName);
      return { ...project, environmentId: environment?.id };
    } catch (error) {
      if (error instanceof RailwayNotFoundError) return undefined;
      throw error;
    }
  };
  const lookForSure = async (id: string, { workspaceId, environmentName }: ProjectOutputs) => {
    const project = await look(id, environmentName);
    if (project === undefined) await confirmGone(open(), { workspaceId, projectId: id });
    return project;
  };

  const outputsOf = async (id: string, inputs: ProjectInputs): Promise<ProjectOutputs> => {
    const { name, description, workspaceId, environmentName } = inputs;
    const found = await findSettled(open(), async () => {
      const project = await look(id, environmentName);
      return project?.environmentId === undefined ? undefined : { environmentId: project.environmentId };
    });
    if (found === undefined) throw new RailwayNotFoundError("project", `${name} has no environment ${environmentName}`);
    return { name, description, workspaceId, environmentName, environmentId: found.environmentId };
  };

  return {
    check: async (_olds, news) => ({ inputs: news, failures: failuresOf(Inputs, news) }),

    async diff(_id, olds, news) {
      const replaces = changedKeys(["workspaceId", "environmentName"], olds, news);
      const changes = changedKeys(["name", "description", "environmentId"], olds, {
        ...news,
        environmentId: olds.environmentId,
      });
      return { changes: replaces.length + changes.length > 0, replaces };
    },

    async create(inputs) {
      const client = open();
      const { name, description, workspaceId, environmentName, importId } = inputs;
      if (importId !== undefined) {
        await client.call(readProject, { id: importId }); // not found is told as such
        await client.call(updateProject, { id: importId, input: { name, description } });
        return { id: importId, outs: await outputsOf(importId, inputs) };
      }
      const { id } = await makeOnce(client, {
        find: async () => ownProject(inputs, await projectsOf(client, workspaceId)),
        make: async () => {
          const input = {
            name,
            description,
            workspaceId,
            defaultEnvironmentName: environmentName,
            prDeploys: false,
          } as const;
          return (await client.call(createProject, { input })).projectCreate;
        },
      });
      return { id, outs: await outputsOf(id, inputs) };
    },

    async read(id, props) {
      const project = props === undefined ? undefined : await lookForSure(id, props);
      if (props === undefined || project === undefined) return GONE;
      const { name, description, environmentId } = project;
      return {
        id,
        props: { ...props, name, description: description ?? "", environmentId: environmentId ?? "" },
      };
    },

    async update(id, _olds, news) {
      const { name, description } = news;
      await open().call(updateProject, { id, input: { name, description } });
      return { outs: await outputsOf(id, news) };
    },

    async delete(id, props) {
      const client = open();
      if ((await lookForSure(id, props)) === undefined) return;
      await refuseWhileVolumes(client, id, props);
      await client.call(deleteProject, { id }).catch((error: unknown) => {
        if (!(error instanceof RailwayNotFoundError)) throw error;
      });
    },
  };
}

const projectsOf = async (client: RailwayClient, workspaceId: string) =>
  allOf(async (after) => (await client.call(listProjects, { workspaceId, after })).projects);

/** @throws RailwayError when the name is somebody else's, or is there twice. */
function ownProject(
  { name, description }: ProjectInputs,
  listed: readonly ListedProject[],
): { id: string } | undefined {
  const named = listed.filter((project) => project.name === name && project.deletedAt == null);
  const own = named.filter((project) => project.description === description);
  if (own.length > 1) {
    throw new RailwayError(
      "RAILWAY_AMBIGUOUS",
      `there are ${own.length} Railway projects ${name} of this stack: ${own.map(({ id }) => id).join(", ")}`,
      "Take one over with importId, and delete the others.",
    );
  }
  const [foreign] = named;
  if (own.length === 0 && foreign !== undefined) {
    throw new RailwayNameTakenError("projectCreate", `${name} is ${foreign.id}, which another stack or a person made`);
  }
  return own[0];
}

/** Deleting a project deletes what is in it: volumes go first, each by its own decision. */
async function refuseWhileVolumes(client: RailwayClient, projectId: string, props: ProjectOutputs): Promise<void> {
  const left = async (): Promise<string[]> => {
    const volumes = await allOf(
      async (after) => (await client.call(listVolumes, { projectId, after })).project.volumes,
    );
    if (volumes.length === 0) return [];
    const { environmentId } = props;
    const instances = await allOf(
      async (after) =>
        (await client.call(listVolumeInstances, { projectId, environmentId, after })).environment.volumeInstances,
    );
    const going = new Set(
      instances.filter((each) => each.isPendingDeletion || each.deletedAt != null).map((each) => each.volume.id),
    );
    return volumes.filter(({ id }) => !going.has(id)).map(({ name, id }) => `${name} (${id})`);
  };
  let names: string[] = [];
  // one that was deleted a moment ago may be listed still
  const empty = await findSettled(client, async () => ((names = await left()).length === 0 ? true : undefined));
  if (empty === true) return;
  throw new RailwayError(
    "RAILWAY_PROTECTED",
    `project ${props.name} still has ${names.length} volume(s): ${names.join(", ")}`,
    "Back them up, then delete them (`deletionAllowed` of each RailwayVolume, or in Railway's dashboard), and run it again.",
  );
}
