import { z } from "zod";

/** Language models of an installation: who provides them, and under which names tasks ask for them. */

const name = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, "must be lower-case letters, digits and dashes");

/** The name by which a task asks for a model. `default` stands for the default model, whichever that is. */
export const ModelAlias = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/)
  .refine((alias) => alias !== "default", "`default` is taken: it stands for `defaultModel`");

/** A name that stands for the default model in every installation. */
export const DEFAULT_MODEL = "default";

const LOOPBACK = /^http:\/\/(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d+)?(\/|$)/i;

export const LlmProvider = z
  .strictObject({
    name: name.describe("Also the name of its key among the secrets `automatos:llmKeys`."),
    baseUrl: z
      .url({ protocol: /^https?$/ })
      .describe("Where its OpenAI-compatible API begins, e.g. `https://api.openai.com/v1`. No credentials, no query."),
    models: z.array(z.string().min(1).max(200)).min(1).max(1_000).describe("Its own names of models."),
    allowHttp: z
      .boolean()
      .default(false)
      .describe("Whether prompts and the key may go unencrypted to a host that is not this machine."),
    maxConcurrentCalls: z.int().min(1).max(10_000).default(64).describe("Calls under way at once; one more waits."),
    maxTokensParameter: z
      .enum(["max_tokens", "max_completion_tokens"])
      .default("max_tokens")
      .describe("What it calls the bound on an answer: OpenAI's newer models know `max_completion_tokens` alone."),
    sendUser: z
      .boolean()
      .default(true)
      .describe("Whether it is told a workspace's pseudonym in `user`, for its detection of abuse."),
  })
  .superRefine(({ baseUrl, allowHttp }, context) => {
    const url = new URL(baseUrl);
    if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
      context.addIssue({ code: "custom", path: ["baseUrl"], message: "must hold no credentials, query or fragment" });
    }
    if (url.protocol === "http:" && !allowHttp && !LOOPBACK.test(url.href)) {
      context.addIssue({
        code: "custom",
        path: ["baseUrl"],
        message: "must be https, unless it is on this machine or allowHttp is set",
      });
    }
  });
export type LlmProvider = z.infer<typeof LlmProvider>;

export const LlmTarget = z.strictObject({
  provider: name.describe("One of `providers`."),
  model: z.string().min(1).max(200).describe("One of that provider's `models`."),
});
export type LlmTarget = z.infer<typeof LlmTarget>;

export const LlmModel = z.strictObject({
  targets: z.array(LlmTarget).min(1).max(10).describe("In order: the next is asked when those before it fail."),
  contextWindow: z.int().min(256).max(100_000_000).describe("Tokens that a call may hold, prompt and answer together."),
  maxOutputTokens: z.int().min(16).max(10_000_000).describe("Tokens of one answer at most."),
  parameters: z
    .array(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/))
    .max(50)
    .default([])
    .describe(
      "Parameters of a call that are passed on beside OpenAI's, e.g. `top_k`. One by which the provider reaches out " +
        "(`web_search_options`, `plugins`) lets tasks reach past their egress rules.",
    ),
});
export type LlmModel = z.infer<typeof LlmModel>;

/** The `llm` of a stack's configuration, and the gateway's `LLM_PROVIDERS`. Keys are secrets of their own. */
export const LlmConfig = z
  .strictObject({
    providers: z.array(LlmProvider).max(50).default([]).describe("OpenAI-compatible APIs; empty: no model."),
    models: z.record(ModelAlias, LlmModel).default({}).describe("By the name that tasks use."),
    defaultModel: ModelAlias.optional().describe("For tasks that name none. Default: the first of `models`."),
  })
  .superRefine(({ providers, models, defaultModel }, context) => {
    const known = new Map(providers.map((provider) => [provider.name, provider]));
    if (known.size < providers.length) {
      context.addIssue({ code: "custom", path: ["providers"], message: "two providers have the same name" });
    }
    for (const [alias, { targets, contextWindow, maxOutputTokens }] of Object.entries(models)) {
      if (maxOutputTokens >= contextWindow) {
        const message = `maxOutputTokens (${maxOutputTokens}) must be below contextWindow (${contextWindow})`;
        context.addIssue({ code: "custom", path: ["models", alias, "maxOutputTokens"], message });
      }
      for (const [index, target] of targets.entries()) {
        const provider = known.get(target.provider);
        if (provider?.models.includes(target.model) === true) continue;
        const message =
          provider === undefined ? `there is no provider ${target.provider}` : `${target.provider} has no such model`;
        context.addIssue({ code: "custom", path: ["models", alias, "targets", index], message });
      }
    }
    if (defaultModel !== undefined && !Object.hasOwn(models, defaultModel)) {
      context.addIssue({ code: "custom", path: ["defaultModel"], message: "is not among models" });
    }
  });
export type LlmConfig = z.infer<typeof LlmConfig>;

/** A key goes into a header: nothing that could end one. */
export const LlmKeys = z
  .record(name, z.string().regex(/^[\x21-\x7e]{1,4096}$/, "must be printable ASCII without spaces"))
  .describe("Provider -> its key.");
export type LlmKeys = z.infer<typeof LlmKeys>;

/** The models that tasks may name, the default one first. */
export function modelAliases({ models, defaultModel }: LlmConfig): string[] {
  const names = Object.keys(models);
  return defaultModel === undefined ? names : [defaultModel, ...names.filter((alias) => alias !== defaultModel)];
}

/** Tokens of one direction or both, as they were counted by providers, or estimated where those said nothing. */
export const LlmTokens = z.strictObject({ prompt: z.int().min(0), completion: z.int().min(0) });
export type LlmTokens = z.infer<typeof LlmTokens>;

const period = z.strictObject({
  tokens: LlmTokens,
  reservedTokens: z.int().min(0).describe("Set aside for calls that are under way."),
  limit: z.int().nullable().describe("Of the plan; null: none."),
  resetsAt: z.iso.datetime({ offset: true }),
});

/** What a workspace's tasks use of language models. Days and months are UTC's. */
export const LlmUsage = z.strictObject({
  workspaceId: z.uuid(),
  today: period,
  month: period,
  models: z
    .array(z.strictObject({ model: z.string(), provider: z.string(), calls: z.int().min(0), tokens: LlmTokens }))
    .describe("This month, the most used first."),
  tasks: z
    .array(
      z.strictObject({
        taskId: z.uuid(),
        calls: z.int().min(0),
        tokens: LlmTokens,
        lastAt: z.iso.datetime({ offset: true }),
      }),
    )
    .describe("This month, those with the most tokens first; at most 20."),
});
export type LlmUsage = z.infer<typeof LlmUsage>;
