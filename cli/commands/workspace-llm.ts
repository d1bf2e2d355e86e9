import { LlmUsage, type LlmTokens } from "../../contracts/llm.ts";
import type { GlobalOptions } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { localTime } from "../output/format.ts";
import { fields, table } from "../output/table.ts";
import { open } from "./workspace.ts";

/** Tokens of language models: of today and of the month, by model and by task. */
export async function workspaceLlm(named: string | undefined, options: GlobalOptions): Promise<number> {
  const { context, path } = await open(named, options);
  const usage = await context.client.call("GET", `${path}/llm-usage`, LlmUsage);
  context.answer(usage, () => describe(usage));
  return EXIT.ok;
}

const number = (value: number): string => value.toLocaleString("en-US");
const totalOf = ({ prompt, completion }: LlmTokens): number => prompt + completion;

function describe({ today, month, models, tasks }: LlmUsage): string {
  const periods = fields([
    ["today", describePeriod(today)],
    ["this month", describePeriod(month)],
  ]);
  if (models.length === 0) return periods;
  const byModel = models.map(({ model, provider, calls, tokens }) => [model, provider, ...counts(calls, tokens)]);
  const byTask = tasks.map(({ taskId, calls, tokens, lastAt }) => [
    taskId,
    localTime(lastAt),
    ...counts(calls, tokens),
  ]);
  return [
    periods,
    table(["MODEL", "PROVIDER", "CALLS", "PROMPT", "ANSWERS"], byModel),
    table(["TASK", "LAST", "CALLS", "PROMPT", "ANSWERS"], byTask),
  ].join("\n\n");
}

const counts = (calls: number, { prompt, completion }: LlmTokens): string[] => [calls, prompt, completion].map(number);

function describePeriod({ tokens, reservedTokens, limit, resetsAt }: LlmUsage["today"]): string {
  const of = limit === null ? "" : ` of ${number(limit)}, new ones from ${localTime(resetsAt)}`;
  const reserved = reservedTokens === 0 ? "" : `; ${number(reservedTokens)} set aside for calls under way`;
  return `${number(totalOf(tokens))} tokens${of}${reserved}`;
}
