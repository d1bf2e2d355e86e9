import { z } from "zod";
import { QuotaSetting } from "./workspace-quota.ts";
import { LlmConfig } from "./llm.ts";
import { PlanLimitOverrides } from "./plan.ts";
import { ToolAdapters } from "./tool-adapters.ts";
import { EgressRule } from "./workspace.ts";

const port = z.int().min(1).max(65_535);
const plans = PlanLimitOverrides.default({}).describe("Limits of a plan that differ from the defaults.");

/** Everything on this machine: no Docker, no Redis, no cloud, no account. */
export const LocalConfig = z.strictObject({
  phase: z.literal("local"),
  ports: z
    .strictObject({
      api: port.default(8080),
      worker: port.default(8081).describe("The first worker's health port; further workers take the next ones."),
      gateway: port.default(8082).describe("The gateway's health port; its proxy listens on a Unix socket."),
      postgres: port.default(5433),
    })
    .prefault({}),
  workers: z.int().min(1).max(16).default(1).describe("Worker processes."),
  workerConcurrency: z.int().min(1).max(64).default(3).describe("Tasks that one worker runs at once."),
  leaseSeconds: z.number().min(1).max(60).default(12).describe("A worker silent for so long has lost its tasks."),
  egressRules: z
    .array(EgressRule)
    .default(["github.com"])
    .describe("Names every sandbox may reach, beside the package indexes that this machine's pip and npm use."),
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
  sandbox: z
    .enum(["bubblewrap", "none"])
    .default("bubblewrap")
    .describe("`none` runs commands bare, for development only; shown at every start."),
  llm: LlmConfig.prefault({}).describe(
    "Providers of language models and the names that tasks use. A provider's key is the secret `automatos:llmKeys.<provider>`.",
  ),
  tools: ToolAdapters.prefault({}).describe("The tools that run at the API."),
  plans,
  logLevel: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
});
export type LocalConfig = z.infer<typeof LocalConfig>;

/** A phase that is known and not built yet: its other keys are not read, so none is refused. */
const notBuilt = <Phase extends string>(phase: Phase) => z.looseObject({ phase: z.literal(phase) });

/** What Pulumi.<stack>.yaml may hold under `automatos:settings`. Secrets have keys of their own. */
export const StackConfig = z.discriminatedUnion("phase", [
  LocalConfig,
  notBuilt("pilot"),
  notBuilt("scale"),
  notBuilt("dedicated"),
  notBuilt("byoc"),
  notBuilt("airgapped"),
]);
export type StackConfig = z.infer<typeof StackConfig>;
