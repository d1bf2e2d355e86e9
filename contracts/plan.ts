import { z } from "zod";

/** What a workspace's customer pays for; decides its limits. */
export const PlanTier = z.enum(["starter", "pilot", "pro", "business", "enterprise"]);
export type PlanTier = z.infer<typeof PlanTier>;

const tokens = z.int().min(0).nullable();

/** The limits of a workspace. Every one can be overridden per stack (`plans` of the stack's configuration). */
export const PlanLimits = z.strictObject({
  maxRunningTasks: z.int().min(1).describe("Tasks that may run at once; what is over waits in the queue."),
  maxQueuedTasks: z.int().min(1).describe("Tasks that may wait; one more is answered with 429."),
  submissionsPerMinute: z.int().min(1).describe("Submissions accepted per minute; one more is answered with 429."),
  storageQuotaBytes: z.int().min(1).describe("Bytes that the workspace's files may take."),
  maxTimeoutSeconds: z.int().min(1).max(3_600).describe("The longest timeout that a task may ask for."),
  maxMemoryMb: z.int().min(32).max(262_144).describe("The most memory that one task or tool call may ask for."),
  maxCpuMillicores: z.int().min(50).max(64_000).describe("The most CPU that one task or tool call may ask for."),
  maxToolCalls: z
    .int()
    .min(1)
    .describe(
      "Tool calls without a task, and terminals, that may be under way at once; one more is answered with 429.",
    ),
  tokensPerDay: tokens.describe("Tokens of language models that the tasks may use on one day (UTC); null: no limit."),
  tokensPerMonth: tokens.describe("The same in one calendar month (UTC)."),
});
export type PlanLimits = z.infer<typeof PlanLimits>;

const GIB = 1024 ** 3;
const ALL_PLANS = {
  maxTimeoutSeconds: 3_600,
  // What a token costs differs a thousandfold between models, and a local one costs nothing: for the operator to say.
  tokensPerDay: null,
  tokensPerMonth: null,
};
const STARTER: PlanLimits = {
  ...ALL_PLANS,
  maxRunningTasks: 1,
  maxQueuedTasks: 1_000,
  submissionsPerMinute: 120,
  storageQuotaBytes: 2 * GIB,
  maxMemoryMb: 2_048,
  maxCpuMillicores: 2_000,
  maxToolCalls: 4,
};
const PRO: PlanLimits = {
  ...ALL_PLANS,
  maxRunningTasks: 3,
  maxQueuedTasks: 10_000,
  submissionsPerMinute: 600,
  storageQuotaBytes: 10 * GIB,
  maxMemoryMb: 16_384,
  maxCpuMillicores: 8_000,
  maxToolCalls: 16,
};

/** The limits of each plan where a stack sets none. */
export const DEFAULT_PLAN_LIMITS: Readonly<Record<PlanTier, PlanLimits>> = {
  starter: STARTER,
  pilot: { ...STARTER, submissionsPerMinute: 300, storageQuotaBytes: 5 * GIB, maxToolCalls: 8 },
  pro: PRO,
  business: PRO,
  enterprise: {
    ...ALL_PLANS,
    maxRunningTasks: 10,
    maxQueuedTasks: 100_000,
    submissionsPerMinute: 6_000,
    storageQuotaBytes: 50 * GIB,
    maxMemoryMb: 65_536,
    maxCpuMillicores: 32_000,
    maxToolCalls: 64,
  },
};

/** Per plan, the limits that differ from the defaults: as the stack's `plans` and the services' `PLAN_LIMITS` hold them. */
export const PlanLimitOverrides = z.partialRecord(PlanTier, PlanLimits.partial());
export type PlanLimitOverrides = z.infer<typeof PlanLimitOverrides>;

/** The limits of every plan, overrides applied. */
export function resolvePlanLimits(overrides: PlanLimitOverrides): Record<PlanTier, PlanLimits> {
  const entries = PlanTier.options.map((tier) => {
    const given = Object.entries(overrides[tier] ?? {}).filter(([, value]) => value !== undefined);
    return [tier, PlanLimits.parse({ ...DEFAULT_PLAN_LIMITS[tier], ...Object.fromEntries(given) })] as const;
  });
  return Object.fromEntries(entries) as Record<PlanTier, PlanLimits>;
}
