import { z } from "zod";
import { operation, page } from "./operation.ts";

const Named = z.object({ id: z.string(), name: z.string() });

/** A project as it is listed. */
export const ListedProject = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullish(),
  deletedAt: z.string().nullish(),
});
export type ListedProject = z.infer<typeof ListedProject>;

interface PageOf {
  readonly after?: string | undefined;
}

export const listProjects = operation<PageOf & { readonly workspaceId: string }>()(
  "none",
  `query AutomatosProjects($workspaceId: String!, $after: String) {
    projects(workspaceId: $workspaceId, first: 100, after: $after) {
      edges { node { id name description deletedAt } }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  z.object({ projects: page(ListedProject) }),
);

/** Railway's documentation reads it with a workspace token: what it shows of a workspace, the token may see. */
export const readWorkspace = operation<{ readonly workspaceId: string }>()(
  "none",
  `query AutomatosWorkspace($workspaceId: String!) { workspace(workspaceId: $workspaceId) { id } }`,
  z.object({ workspace: z.object({ id: z.string() }) }),
);

export const readProject = operation<{ readonly id: string }>()(
  "none",
  `query AutomatosProject($id: String!) {
    project(id: $id) {
      id name description deletedAt workspaceId
      environments(first: 100) { edges { node { id name } } pageInfo { hasNextPage endCursor } }
    }
  }`,
  z.object({
    project: ListedProject.extend({ workspaceId: z.string().nullish(), environments: page(Named) }),
  }),
);

export const listServices = operation<PageOf & { readonly projectId: string }>()(
  "none",
  `query AutomatosServices($projectId: String!, $after: String) {
    project(id: $projectId) {
      services(first: 100, after: $after) {
        edges { node { id name deletedAt } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }`,
  z.object({
    project: z.object({ services: page(Named.extend({ deletedAt: z.string().nullish() })) }),
  }),
);

export const listVolumes = operation<PageOf & { readonly projectId: string }>()(
  "none",
  `query AutomatosVolumes($projectId: String!, $after: String) {
    project(id: $projectId) {
      volumes(first: 100, after: $after) { edges { node { id name } } pageInfo { hasNextPage endCursor } }
    }
  }`,
  z.object({ project: z.object({ volumes: page(Named) }) }),
);

export const createProject = operation<{
  readonly input: {
    readonly name: string;
    readonly description: string;
    readonly workspaceId: string;
    readonly defaultEnvironmentName: string;
    readonly prDeploys: false;
  };
}>()(
  "once",
  `mutation AutomatosProjectCreate($input: ProjectCreateInput!) { projectCreate(input: $input) { id } }`,
  z.object({ projectCreate: z.object({ id: z.string() }) }),
);

export const updateProject = operation<{
  readonly id: string;
  readonly input: { readonly name: string; readonly description: string };
}>()(
  "repeatable",
  `mutation AutomatosProjectUpdate($id: String!, $input: ProjectUpdateInput!) {
    projectUpdate(id: $id, input: $input) { id }
  }`,
  z.object({ projectUpdate: z.object({ id: z.string() }) }),
);

export const deleteProject = operation<{ readonly id: string }>()(
  "repeatable",
  `mutation AutomatosProjectDelete($id: String!) { projectDelete(id: $id) }`,
  z.object({ projectDelete: z.boolean() }),
);
