/** The rehearsal's configuration file: which clusters are real, which limits hold, and what goes wrong. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";

const Action = z.enum(["create", "read", "update", "delete"]);
/** What an action does to a resource of the pretended cloud. */
export type Action = z.infer<typeof Action>;

const Pattern = z.string().min(1);
/** Which resources a fault strikes: all that fit. `*` stands for any text. */
const target = {
  type: Pattern.describe("Type token, e.g. aws:iam/role:Role or aws:iam/*."),
  name: Pattern.default("*").describe("The resource's name in the program."),
};
const times = (byDefault: string) => z.int().min(1).optional().describe(`How often it strikes. Default: ${byDefault}.`);

const Fault = z.discriminatedUnion("fault", [
  z.strictObject({
    fault: z.literal("permission-denied"),
    permission: Pattern.describe("The cloud's name of it: container.clusters.create, ec2:CreateVpc, iam:*."),
    name: target.name,
    times: times("always"),
  }),
  z.strictObject({ fault: z.literal("quota-exceeded"), ...target, times: times("always") }),
  z.strictObject({
    fault: z.literal("timeout"),
    ...target,
    action: Action.default("create"),
    leaves: z
      .enum(["nothing", "resource"])
      .default("nothing")
      .describe("Whether the cloud went on: what a timed-out creation made is in the cloud but not in the state."),
    times: times("always"),
  }),
  z.strictObject({
    fault: z.literal("eventual-consistency"),
    ...target,
    failures: z.int().min(1).describe("How many reads and uses after the creation do not find it."),
    times: times("always"),
  }),
  z.strictObject({
    fault: z.literal("vanished"),
    ...target,
    times: times("once, before the next action on each resource"),
  }),
  z.strictObject({
    fault: z.literal("partial-creation"),
    ...target,
    reason: z.string().min(1).default("the resource is in state ERROR"),
    times: times("once"),
  }),
]);
export type Fault = z.infer<typeof Fault>;
export type FaultKind = Fault["fault"];

/** What was in the cloud before: references and functions find it, nothing here changes or removes it. */
const ExistingResource = z.strictObject({
  type: z.string().min(1),
  id: z.string().min(1),
  properties: z.record(z.string(), z.json()).default({}).describe("Outputs as the SDK names them."),
});
export type ExistingResource = z.infer<typeof ExistingResource>;

const RealCluster = z.strictObject({
  name: Pattern.describe("The cluster's name in the program or in the cloud."),
  kubeconfig: z.string().min(1).describe("Path, from the configuration file's folder."),
  context: z.string().min(1).optional().describe("Default: the kubeconfig's current context."),
});
export type RealCluster = z.infer<typeof RealCluster>;

export const RehearsalSettings = z.strictObject({
  clusters: z.array(RealCluster).default([]).describe("Rehearsed GKE and EKS clusters behind which a real one is."),
  existing: z.array(ExistingResource).default([]),
  quotas: z.record(z.string(), z.int().min(0)).default({}).describe("Resources of a type, by type token."),
  consistency: z
    .strictObject({
      identityFailures: z.int().min(0).default(1).describe("Uses of a new IAM object that do not find it yet."),
      retries: z.int().min(0).default(5).describe("How often the provider asks again before it gives up."),
    })
    .prefault({}),
  faults: z.array(Fault).default([]),
});
export type RehearsalSettings = z.infer<typeof RehearsalSettings>;
export type RehearsalSettingsInput = z.input<typeof RehearsalSettings>;

/** The rehearsal's configuration file cannot be used. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";

  constructor(file: string, what: string, options?: ErrorOptions) {
    super(`the rehearsal's configuration ${file} cannot be used: ${what}`, options);
  }
}

/**
 * Paths in the result are absolute.
 * @throws SettingsError when the file is not there, is no JSON or does not fit
 */
export function readSettings(file: string): RehearsalSettings {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new SettingsError(file, error instanceof Error ? error.message : String(error), { cause: error });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new SettingsError(file, `it is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const parsed = RehearsalSettings.safeParse(json);
  if (!parsed.success) throw new SettingsError(file, `\n${z.prettifyError(parsed.error)}`);
  const clusters = parsed.data.clusters.map((cluster) => ({
    ...cluster,
    kubeconfig: resolve(dirname(file), cluster.kubeconfig),
  }));
  return { ...parsed.data, clusters };
}

/** Whether the text fits the pattern, in which `*` stands for any text. */
export function fits(pattern: string, text: string): boolean {
  const expression = pattern.split("*").map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${expression.join("[\\s\\S]*")}$`).test(text);
}
