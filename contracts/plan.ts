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
const limits = (
  maxRunningTasks: number,
  storageGib: number,
  maxQueuedTasks: number,
  submissionsPerMinute: number,
  maxToolCalls: number,
) => ({
  maxRunningTasks,
  maxQueuedTasks,
  submissionsPerMinute,
  storageQuotaBytes: storageGib * GIB,
  maxTimeoutSeconds: 3_600,
  maxToolCalls,
  // What a token costs differs a thousandfold between models, and a local one costs nothing: for the operator to say.
  tokensPerDay: null,
  tokensPerMonth: null,
});

/** The limits of each plan where a stack sets none. */
export const DEFAULT_PLAN_LIMITS: Readonly<Record<PlanTier, PlanLimits>> = {
  starter: limits(1, 2, 1_000, 120, 4),
  pilot: limits(1, 5, 1_000, 300, 8),
  pro: limits(3, 10, 10_000, 600, 16),
  business: limits(3, 10, 10_000, 600, 16),
  enterprise: limits(10, 50, 100_000, 6_000, 64),
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
