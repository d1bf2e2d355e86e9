import { RailwayError, RailwayNotFoundError } from "../client/errors.ts";
import { allOf } from "../client/operation.ts";
import { listProjects, readProject, readWorkspace } from "../client/project-operations.ts";
import type { RailwayClient } from "../client/railway-client.ts";

/** Where a thing is, so that it can be told from what a token is not shown. */
export interface Home {
  /** The Railway workspace in which its project was made. */
  readonly workspaceId: string;
  readonly projectId: string;
}

/**
 * Railway says "not found" of what is gone and of what a token may not see alike, and what is taken for gone leaves the
 * state. Resolves only where this token sees the project, so that a thing that is not in it is gone, or sees the
 * workspace, so that the project is gone that is not in it.
 *
 * @throws RailwayError otherwise.
 */
export async function confirmGone(client: RailwayClient, { workspaceId, projectId }: Home): Promise<void> {
  try {
    await client.call(readProject, { id: projectId });
    return;
  } catch (error) {
    if (!(error instanceof RailwayNotFoundError)) throw error;
  }
  try {
    await client.call(readWorkspace, { workspaceId });
  } catch (error) {
    const isHidden =
      error instanceof RailwayNotFoundError || (error instanceof RailwayError && error.code === "RAILWAY_UNAUTHORIZED");
    if (!isHidden) throw error;
    throw hidden(`this token sees neither project ${projectId} nor the workspace ${workspaceId} in which it was made`);
  }
  const projects = await allOf(async (after) => (await client.call(listProjects, { workspaceId, after })).projects);
  if (projects.some(({ id, deletedAt }) => id === projectId && deletedAt == null)) {
    throw hidden(`project ${projectId} is in workspace ${workspaceId}, and this token may not read it`);
  }
}

const hidden = (fact: string) =>
  new RailwayError(
    "RAILWAY_UNAUTHORIZED",
    `${fact}: what is there still cannot be told from what is gone`,
    "Use a token of that workspace (automatos:railwayToken, RAILWAY_API_TOKEN). Where the workspace itself was deleted, remove the stack from its backend.",
  );
