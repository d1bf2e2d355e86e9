import type { LlmUsage } from "../../contracts/llm.ts";
import type { PlanLimits } from "../../contracts/plan.ts";
import type { Queryable } from "../runtime/database.ts";

/** Tasks that a workspace's use is broken down to. */
const MAX_TASKS = 20;

interface SumRow {
  readonly prompt: string;
  readonly completion: string;
}
interface PeriodRow extends SumRow {
  readonly is_today: boolean;
  readonly reserved: string;
  readonly ends_at: Date;
}

const tokensOf = ({ prompt, completion }: SumRow) => ({ prompt: Number(prompt), completion: Number(completion) });

/** Calls of this month, by the day of UTC to which they count. */
const THIS_MONTH = "workspace_id = $1 AND day >= date_trunc('month', now() AT TIME ZONE 'UTC')::date";

/** What a workspace's tasks use of language models. */
export async function readLlmUsage(
  database: Queryable,
  workspaceId: string,
  limits: Pick<PlanLimits, "tokensPerDay" | "tokensPerMonth">,
): Promise<LlmUsage> {
  const [periods, models, tasks] = await Promise.all([
    database.query<PeriodRow>(
      `SELECT is_today, coalesce(sum(prompt_tokens), 0) AS prompt, coalesce(sum(completion_tokens), 0) AS completion,
              coalesce(sum(reserved_tokens), 0) AS reserved,
              (CASE WHEN is_today THEN date_trunc('day', utc) + interval '1 day'
                    ELSE date_trunc('month', utc) + interval '1 month' END) AT TIME ZONE 'UTC' AS ends_at
         FROM (SELECT now() AT TIME ZONE 'UTC' AS utc) clock CROSS JOIN (VALUES (true), (false)) period (is_today)
         LEFT JOIN llm_usage ON ${THIS_MONTH} AND (NOT is_today OR day = utc::date)
         GROUP BY is_today, utc`,
      [workspaceId],
    ),
    database.query<SumRow & { model: string; provider: string; calls: string }>(
      `SELECT model, provider, count(*) AS calls, sum(prompt_tokens) AS prompt, sum(completion_tokens) AS completion
         FROM llm_usage WHERE ${THIS_MONTH} AND provider IS NOT NULL
         GROUP BY model, provider ORDER BY sum(prompt_tokens + completion_tokens) DESC, model, provider`,
      [workspaceId],
    ),
    database.query<SumRow & { task_id: string; calls: string; last_at: Date }>(
      `SELECT task_id, count(*) AS calls, max(started_at) AS last_at,
              sum(prompt_tokens) AS prompt, sum(completion_tokens) AS completion
         FROM llm_usage WHERE ${THIS_MONTH}
         GROUP BY task_id ORDER BY sum(prompt_tokens + completion_tokens) DESC, task_id LIMIT ${MAX_TASKS}`,
      [workspaceId],
    ),
  ]);
  const period = (isToday: boolean, limit: number | null) => {
    const row = periods.rows.find(({ is_today }) => is_today === isToday);
    if (row === undefined) throw new Error("a period has no row"); // cannot be: both are listed in the statement
    return { tokens: tokensOf(row), reservedTokens: Number(row.reserved), limit, resetsAt: row.ends_at.toISOString() };
  };
  return {
    workspaceId,
    today: period(true, limits.tokensPerDay),
    month: period(false, limits.tokensPerMonth),
    models: models.rows.map((row) => ({
      model: row.model,
      provider: row.provider,
      calls: Number(row.calls),
      tokens: tokensOf(row),
    })),
    tasks: tasks.rows.map((row) => ({
      taskId: row.task_id,
      calls: Number(row.calls),
      tokens: tokensOf(row),
      lastAt: row.last_at.toISOString(),
    })),
  };
}
