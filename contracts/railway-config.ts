import { z } from "zod";
import { BackupConfig } from "./backup.ts";
import { imageRef, isPinned } from "./image-ref.ts";
import { SandboxKind } from "./service-env.ts";
import { containerSettings, serviceSettings } from "./stack-settings.ts";

const limits = z.strictObject({
  cpu: z.number().positive().max(64).optional().describe("Virtual CPUs."),
  memoryGb: z.number().positive().max(64).optional().describe("Memory in GB of 1,000 MB."),
});
const volumeGb = z.number().min(1).max(5_000);

/**
 * The pilot as a project on Railway. Its token is the secret `automatos:railwayToken`; `automatos:railwayRequestsPerSecond`
 * (default 10, the Hobby plan's limit) and `automatos:railwayUrl` say how and where the API is called.
 */
export const RailwayConfig = z.strictObject({
  phase: z.literal("pilot"),
  target: z.literal("railway"),
  workspaceId: z.string().min(1).describe("Id of the Railway workspace that the project belongs to."),
  projectName: z.string().trim().min(1).max(100).default("automatos"),
  environmentName: z.string().min(1).max(32).default("production"),
  region: z.string().min(1).optional().describe("Default: the preferred region of the Railway workspace."),
  images: z
    .strictObject({
      api: imageRef,
      gateway: imageRef,
      worker: imageRef,
      migrate: imageRef,
      postgres: imageRef,
      redis: imageRef,
      requireDigests: z
        .boolean()
        .default(true)
        .describe("Refuses an image without a digest, as its content may change from one deployment to the next."),
    })
    .superRefine(({ requireDigests, ...refs }, context) => {
      for (const [name, ref] of Object.entries(refs)) {
        if (!requireDigests || isPinned(ref)) continue;
        context.addIssue({
          code: "custom",
          path: [name],
          message: `${ref} has no digest: write ${ref}@sha256:..., or set requireDigests: false to try things out`,
        });
      }
    })
    .describe("Images in a registry that Railway reaches; nothing is built here."),
  volumes: z
    .strictObject({
      workspacesGb: volumeGb.default(100).describe("The workspaces' files, at /workspaces of the worker."),
      postgresGb: volumeGb.default(50).describe("The record."),
      redisGb: volumeGb.default(50).describe("The queue's log."),
    })
    .prefault({})
    .describe(
      "Sizes in GB of 1,000 MB. A volume only grows; what the plan gives at first (50 on Pro) is not made less.",
    ),
  limits: z
    .strictObject({
      worker: limits.prefault({ cpu: 2, memoryGb: 2 }),
      api: limits.optional(),
      gateway: limits.optional(),
      postgres: limits.optional(),
      redis: limits.optional(),
    })
    .prefault({})
    .describe("What a service may use at most. Default: the worker 2 CPUs and 2 GB, others what the plan gives."),
  protectData: z
    .boolean()
    .default(true)
    .describe("The volumes, and the secrets that open what lies in them, are not removed: `destroy` refuses."),
  sandbox: SandboxKind.default("bubblewrap").describe(
    "What commands of tasks run in. `bubblewrap`: a sandbox each; where Railway's containers do not let the worker make " +
      "one, its deployment fails with the reason. `none`: no sandbox; commands of all tenants run bare beside each other, " +
      "with the worker's files, secrets and network in reach: for one trusted team only, and warned of at each `up`.",
  ),
  egressRules: containerSettings.egressRules,
  packageIndexes: containerSettings.packageIndexes,
  backup: BackupConfig.optional().describe("Where backups of workspaces go. Without it there are none."),
  workerConcurrency: serviceSettings.workerConcurrency,
  leaseSeconds: serviceSettings.leaseSeconds,
  credentialKeys: serviceSettings.credentialKeys,
  workspaceQuota: serviceSettings.workspaceQuota,
  llm: serviceSettings.llm,
  tools: serviceSettings.tools,
  plans: serviceSettings.plans,
  logLevel: serviceSettings.logLevel,
});
export type RailwayConfig = z.infer<typeof RailwayConfig>;
