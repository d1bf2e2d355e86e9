import { z } from "zod";

/**
 * The part of an environment's configuration that is set here. The API's type for it is an opaque scalar; field names
 * are those of railwayapp/cli, src/controllers/config/environment.rs. Strict: a misspelt field would be ignored silently.
 */
export const EnvironmentPatch = z.strictObject({
  volumes: z.record(
    z.string(),
    z.strictObject({
      /** Size of the volume; the API has no other way to set it, and it can only grow. */
      sizeMB: z.int().positive(),
    }),
  ),
});
export type EnvironmentPatch = z.infer<typeof EnvironmentPatch>;

/** Limits of a service instance, an opaque scalar as well: what is read of it, whatever else it holds. */
export const InstanceLimits = z
  .object({
    containers: z.object({ cpu: z.number().nullish(), memoryBytes: z.number().nullish() }).nullish(),
  })
  .nullish()
  .transform((limits) => ({
    cpu: limits?.containers?.cpu ?? undefined,
    memoryBytes: limits?.containers?.memoryBytes ?? undefined,
  }));
