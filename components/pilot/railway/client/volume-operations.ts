import { z } from "zod";
import type { EnvironmentPatch } from "./environment-config.ts";
import { operation, page } from "./operation.ts";

/** A volume's instance in an environment. */
export const VolumeInstance = z.object({
  serviceId: z.string().nullish(),
  mountPath: z.string(),
  sizeMB: z.number(),
  region: z.string().nullish(),
  state: z.string().nullish(),
  isPendingDeletion: z.boolean(),
  deletedAt: z.string().nullish(),
  volume: z.object({ id: z.string(), name: z.string() }),
});
export type VolumeInstance = z.infer<typeof VolumeInstance>;

export const listVolumeInstances = operation<{
  readonly projectId: string;
  readonly environmentId: string;
  readonly after?: string | undefined;
}>()(
  "none",
  `query AutomatosVolumeInstances($projectId: String!, $environmentId: String!, $after: String) {
    environment(id: $environmentId, projectId: $projectId) {
      volumeInstances(first: 100, after: $after) {
        edges {
          node { serviceId mountPath sizeMB region state isPendingDeletion deletedAt volume { id name } }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }`,
  z.object({ environment: z.object({ volumeInstances: page(VolumeInstance) }) }),
);

/** It takes no size: see resizeVolume. */
export const createVolume = operation<{
  readonly input: {
    readonly projectId: string;
    readonly environmentId: string;
    readonly serviceId: string;
    readonly mountPath: string;
    readonly region?: string;
  };
}>()(
  "once",
  `mutation AutomatosVolumeCreate($input: VolumeCreateInput!) { volumeCreate(input: $input) { id name } }`,
  z.object({ volumeCreate: z.object({ id: z.string(), name: z.string() }) }),
);

export const moveVolume = operation<{
  readonly volumeId: string;
  readonly environmentId: string;
  readonly input: { readonly serviceId: string; readonly mountPath: string };
}>()(
  "repeatable",
  `mutation AutomatosVolumeUpdate($volumeId: String!, $environmentId: String!, $input: VolumeInstanceUpdateInput!) {
    volumeInstanceUpdate(volumeId: $volumeId, environmentId: $environmentId, input: $input)
  }`,
  z.object({ volumeInstanceUpdate: z.boolean() }),
);

/**
 * Commits this patch alone: what somebody has staged in the dashboard stays staged, which committing the staged changes
 * would take along.
 */
export const commitPatch = operation<{
  readonly environmentId: string;
  readonly patch: EnvironmentPatch;
  readonly message: string;
}>()(
  "repeatable",
  `mutation AutomatosPatchCommit($environmentId: String!, $patch: EnvironmentConfig!, $message: String!) {
    environmentPatchCommit(environmentId: $environmentId, patch: $patch, commitMessage: $message)
  }`,
  z.object({ environmentPatchCommit: z.string() }),
);

export const deleteVolume = operation<{ readonly volumeId: string }>()(
  "repeatable",
  `mutation AutomatosVolumeDelete($volumeId: String!) { volumeDelete(volumeId: $volumeId) }`,
  z.object({ volumeDelete: z.boolean() }),
);
