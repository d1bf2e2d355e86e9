import { BackupConfig } from "./backup.ts";
import { z } from "zod";
import { PilotConfig } from "./pilot-config.ts";
import { port, serviceSettings } from "./stack-settings.ts";
import { EgressRule } from "./workspace.ts";

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
  workers: serviceSettings.workers,
  workerConcurrency: serviceSettings.workerConcurrency,
  leaseSeconds: serviceSettings.leaseSeconds,
  egressRules: z
    .array(EgressRule)
    .default(["github.com"])
    .describe("Names every sandbox may reach, beside the package indexes that this machine's pip and npm use."),
  credentialKeys: serviceSettings.credentialKeys,
  workspaceQuota: serviceSettings.workspaceQuota,
  sandbox: z
    .enum(["bubblewrap", "none"])
    .default("bubblewrap")
    .describe("`none` runs commands bare, for development only; shown at every start."),
  llm: serviceSettings.llm,
  tools: serviceSettings.tools,
  backup: BackupConfig.optional().describe("Where backups of workspaces go. Without it there are none."),
  plans: serviceSettings.plans,
  logLevel: serviceSettings.logLevel,
});
export type LocalConfig = z.infer<typeof LocalConfig>;

/** A phase that is known and not built yet: its other keys are not read, so none is refused. */
const notBuilt = <Phase extends string>(phase: Phase) => z.looseObject({ phase: z.literal(phase) });

/** What Pulumi.<stack>.yaml may hold under `automatos:settings`. Secrets have keys of their own. */
export const StackConfig = z.discriminatedUnion("phase", [
  LocalConfig,
  PilotConfig,
  notBuilt("scale"),
  notBuilt("dedicated"),
  notBuilt("byoc"),
  notBuilt("airgapped"),
]);
export type StackConfig = z.infer<typeof StackConfig>;
