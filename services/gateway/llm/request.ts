import { z } from "zod";
import {
  DEFAULT_MODEL,
  type LlmConfig,
  type LlmModel,
  type LlmProvider,
  modelAliases,
} from "../../../contracts/llm.ts";
import { LlmRequestInvalidError, ModelUnknownError, ParameterUnsupportedError } from "./errors.ts";
import { tokensOfPrompt } from "./estimate.ts";
import { unreasonableShape } from "./json-shape.ts";
import { requireSelfContainedMessages, requireSelfContainedParameters } from "./self-contained.ts";

/** Answers that one call may ask for. */
const MAX_CHOICES = 4;
const MAX_MESSAGES = 10_000;
const MAX_PARAMETERS = 200;
/** Each is looked for at every token of an answer. */
const MAX_STOPS = 16;
const MAX_BIASED_TOKENS = 1_000;

const tokens = z.int().min(1).max(1_000_000_000).nullish();

const stop = z.string().max(1_000);

/** What the gateway reads of a request itself. */
const Envelope = z.looseObject({
  model: z.string().max(1_000).default(DEFAULT_MODEL),
  messages: z
    .array(z.looseObject({ role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]) }))
    .min(1),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(MAX_CHOICES).nullish(),
  max_tokens: tokens,
  max_completion_tokens: tokens,
  stop: z.union([stop, z.array(stop).max(MAX_STOPS)]).nullish(),
  logit_bias: z
    .record(z.string().max(20), z.number().min(-100).max(100))
    .refine((biases) => Object.keys(biases).length <= MAX_BIASED_TOKENS, `has more than ${MAX_BIASED_TOKENS} tokens`)
    .nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
});

/** Parameters of OpenAI's chat completions that change the answer and nothing else, once they are self-contained. */
const PASSED_ON: ReadonlySet<string> = new Set([
  ...["messages", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format"],
  ...["temperature", "top_p", "stop", "seed", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs"],
  ...["top_logprobs", "n", "reasoning_effort", "verbosity", "prediction"],
]);
/** Taken, and answered for by the gateway: it sets its own or none. */
const REPLACED: ReadonlySet<string> = new Set([
  ...["model", "stream", "stream_options", "max_tokens", "max_completion_tokens"],
  ...["user", "metadata", "safety_identifier", "prompt_cache_key", "store", "service_tier"],
]);

/** A request for a chat completion that may be sent, once to whom and with how many tokens is known. */
export interface ChatRequest {
  /** The name in the configuration. */
  readonly alias: string;
  readonly model: LlmModel;
  readonly stream: boolean;
  /** Whether the client wants the usage at the end of the stream, which is asked of the provider anyway. */
  readonly wantsUsage: boolean;
  readonly choices: number;
  /** Estimated. */
  readonly promptTokens: number;
  /** The most that one choice may have: as asked for, within the model's limits. */
  readonly maxOutputTokens: number;
  /** The body for a provider, as JSON. */
  bodyFor(provider: LlmProvider, model: string, maxOutputTokens: number, user: string): string;
}

/**
 * Checks a request and makes it ready to be sent.
 *
 * @throws LlmRequestInvalidError, ParameterUnsupportedError, ModelUnknownError, PartUnsupportedError, ToolUnsupportedError
 */
export function readChatRequest(body: Buffer, config: LlmConfig): ChatRequest {
  const given = Envelope.safeParse(parse(body));
  if (!given.success) {
    const [issue] = given.error.issues;
    const path = issue?.path.join(".") ?? "";
    // Of `messages` nothing but the place is told: what they hold stays out of errors.
    throw new LlmRequestInvalidError(`${path || "the request"}: ${issue?.message ?? "is not valid"}`, path || null);
  }
  const { data } = given;
  const aliases = modelAliases(config);
  const alias = data.model === DEFAULT_MODEL ? aliases[0] : data.model;
  const model = alias === undefined || !Object.hasOwn(config.models, alias) ? undefined : config.models[alias];
  if (alias === undefined || model === undefined) throw new ModelUnknownError(data.model, aliases);

  const passed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data)) {
    if (PASSED_ON.has(name) || model.parameters.includes(name)) passed[name] = value;
    else if (!REPLACED.has(name)) throw new ParameterUnsupportedError(name);
  }
  requireSelfContainedMessages(data.messages);
  requireSelfContainedParameters(passed);
  const json = JSON.stringify(passed);
  const promptTokens = tokensOfPrompt(json, data.messages);
  const asked = data.max_completion_tokens ?? data.max_tokens ?? model.maxOutputTokens;
  // Some servers refuse an answer that might not fit into the window beside the prompt.
  const besidePrompt = Math.max(1, model.contextWindow - promptTokens);
  const stream = data.stream === true;
  return {
    alias,
    model,
    stream,
    wantsUsage: data.stream_options?.include_usage === true,
    choices: data.n ?? 1,
    promptTokens,
    maxOutputTokens: Math.min(asked, model.maxOutputTokens, besidePrompt),
    bodyFor: (provider, name, maxOutputTokens, user) => {
      const set = {
        model: name,
        [provider.maxTokensParameter]: maxOutputTokens,
        ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
        ...(provider.sendUser ? { user } : {}),
      };
      return `${json.slice(0, -1)},${JSON.stringify(set).slice(1)}`; // the long part is written once for all providers
    },
  };
}

function parse(body: Buffer): unknown {
  const why = unreasonableShape(body);
  if (why !== undefined) throw new LlmRequestInvalidError(`the request ${why}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw new LlmRequestInvalidError("the request is not JSON", null, new Error((cause as Error).name));
  }
  // Before each of them is looked at.
  if (typeof parsed === "object" && parsed !== null && Object.keys(parsed).length > MAX_PARAMETERS) {
    throw new LlmRequestInvalidError(`the request has more than ${MAX_PARAMETERS} parameters`);
  }
  const messages = parsed !== null && typeof parsed === "object" && "messages" in parsed ? parsed.messages : undefined;
  if (Array.isArray(messages) && messages.length > MAX_MESSAGES) {
    throw new LlmRequestInvalidError(`the request has more than ${MAX_MESSAGES} messages`, "messages");
  }
  return parsed;
}
