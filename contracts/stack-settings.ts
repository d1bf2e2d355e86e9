import { z } from "zod";
import { LlmConfig } from "./llm.ts";
import { PlanLimitOverrides } from "./plan.ts";
import { ToolAdapters } from "./tool-adapters.ts";
import { EgressRule } from "./workspace.ts";
import { QuotaSetting } from "./workspace-quota.ts";

/** A TCP port that something listens on. */
export const port = z.int().min(1).max(65_535);

/** Settings of a stack that mean the same in every phase whose services share one machine. */
export const serviceSettings = {
  workers: z.int().min(1).max(16).default(1).describe("Workers."),
  workerConcurrency: z.int().min(1).max(64).default(3).describe("Tasks that one worker runs at once."),
  leaseSeconds: z.number().min(1).max(60).default(12).describe("A worker silent for so long has lost its tasks."),
  credentialKeys: z
    .array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/))
    .min(1)
    .refine((ids) => new Set(ids).size === ids.length, "names one key twice")
    .default(["1"])
    .describe(
      "Ids of the keys of credentials; each gets a key of its own, the first encrypts. To rotate: put a new id first, " +
        "`automatos admin credential-keys rotate`, then take the old one out.",
    ),
  workspaceQuota: QuotaSetting.default("auto").describe(
    "How workspaces' storage is counted and limited: `btrfs`, `project`, `volume` or `count`; `auto` takes what the volume can do.",
  ),
  llm: LlmConfig.prefault({}).describe(
    "Providers of language models and the names that tasks use. A provider's key is the secret `automatos:llmKeys.<provider>`.",
  ),
  tools: ToolAdapters.prefault({}).describe("The tools that run at the API."),
  plans: PlanLimitOverrides.default({}).describe("Limits of a plan that differ from the defaults."),
  logLevel: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
} as const;

/** Settings of every phase whose services run in containers, which see nothing of a machine's own configuration. */
export const containerSettings = {
  egressRules: z
    .array(EgressRule)
    .default(["github.com"])
    .describe("Names every sandbox may reach: the code host, the package indexes. Workspaces add their own."),
  packageIndexes: z
    .strictObject({
      pip: z.url({ protocol: /^https?$/ }).optional(),
      npm: z.url({ protocol: /^https?$/ }).optional(),
    })
    .prefault({})
    .describe("Indexes that sandboxes use in the place of pip's and npm's own; their hosts belong into egressRules."),
} as const;
