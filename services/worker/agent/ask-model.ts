import type * as Ai from "ai";
import { z } from "zod";
import type { OfferedTool } from "../../../contracts/tools.ts";
import { findUnstorable, toJsonb } from "../../runtime/storable-text.ts";
import { answerTooLong, brokenAnswer } from "./call-failure.ts";
import { toModelMessages, type ToolCall, type Turn } from "./conversation.ts";
import type { ModelInfo } from "./model-info.ts";
import { estimateConversation, estimateTokens } from "./trim-context.ts";

export interface ModelRequest {
  readonly model: ModelInfo;
  readonly system: string;
  readonly turns: readonly Turn[];
  readonly tools: readonly OfferedTool[];
  /** Undefined: as many as the model gives. */
  readonly maxOutputTokens: number | undefined;
  readonly signal: AbortSignal;
  /** The answer as it comes. */
  readonly onText: (kind: "text" | "reasoning", text: string) => void;
}

export interface ModelAnswer {
  readonly text: string;
  readonly reasoning: string;
  /** With the ids that the model gave. */
  readonly calls: readonly ToolCall[];
  readonly finishReason: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The provider did not count. */
  readonly estimated: boolean;
}

/** More than any model can say in one answer: a stream that goes on is out of order. */
const MAX_ANSWER_CHARS = 1024 ** 2;

/** Of arguments that are none the model sees so much again. */
const MAX_MALFORMED_CHARS = 1_000;

/** Tokens of what stands around the conversation in every request. */
export const estimateFixed = (system: string, tools: readonly OfferedTool[]): number =>
  estimateTokens(system) +
  tools.reduce((sum, tool) => sum + estimateTokens(tool.name + tool.description) + schemaTokens(tool.input), 0);

const schemaTokens = (schema: z.ZodType): number =>
  estimateTokens(JSON.stringify(z.toJSONSchema(schema, { io: "input" })));

/** One call of the model, streamed to its end. Tools are not run here: their calls are the answer. */
export async function askModel(ai: typeof Ai, model: Ai.LanguageModel, request: ModelRequest): Promise<ModelAnswer> {
  const { system, turns, tools, maxOutputTokens, signal, onText } = request;
  const stop = new AbortController();
  const offered: Ai.ToolSet = Object.fromEntries(
    tools.map(({ name, description, input }) => [name, ai.tool({ description, inputSchema: input })]),
  );
  const { stream } = ai.streamText({
    model,
    instructions: system,
    messages: toModelMessages(turns),
    tools: offered,
    maxRetries: 0, // whoever asks decides that, and for streams that break as well
    onError: () => undefined, // it comes with the stream; the default prints it with the whole request
    abortSignal: AbortSignal.any([signal, stop.signal]),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
  });
  let text = "";
  let reasoning = "";
  const calls: ToolCall[] = [];
  let end: { reason: string; inputTokens: number | undefined; outputTokens: number | undefined } | undefined;
  let chars = 0;
  try {
    for await (const part of stream) {
      if ("delta" in part || "text" in part) chars += "delta" in part ? part.delta.length : part.text.length;
      if (chars > MAX_ANSWER_CHARS) throw answerTooLong(MAX_ANSWER_CHARS);
      if (part.type === "text-delta") {
        text += part.text;
        onText("text", part.text);
      } else if (part.type === "reasoning-delta") {
        reasoning += part.text;
        onText("reasoning", part.text);
      } else if (part.type === "tool-call") {
        calls.push(toCall(part, tools));
      } else if (part.type === "error") {
        throw part.error;
      } else if (part.type === "finish-step") {
        const { inputTokens, outputTokens } = part.usage;
        end = { reason: part.finishReason, inputTokens, outputTokens };
      }
    }
  } finally {
    stop.abort(); // what is left of the stream is of no use to anybody
  }
  signal.throwIfAborted();
  if (end === undefined || end.reason === "error") throw brokenAnswer("the answer ended too early");
  const estimated = end.inputTokens === undefined || end.outputTokens === undefined;
  return {
    text,
    reasoning,
    calls,
    finishReason: end.reason,
    inputTokens: end.inputTokens ?? estimateFixed(system, tools) + estimateConversation(turns),
    outputTokens: end.outputTokens ?? estimateTokens(text + reasoning + JSON.stringify(calls)),
    estimated,
  };
}

interface CallPart {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: unknown;
  readonly invalid?: boolean | undefined;
  readonly providerMetadata?: unknown;
}

function toCall(part: CallPart, tools: readonly OfferedTool[]): ToolCall {
  const { toolCallId: id, toolName, input, providerMetadata } = part;
  const metadata = providerMetadata === undefined ? {} : { metadata: z.json().parse(providerMetadata) };
  const problem = part.invalid === true ? explainMalformed(toolName, input, tools) : explainUnstorable(input);
  // A name or arguments that are none would make the provider refuse the whole conversation from here on.
  const tool = toolName.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 64) || "unnamed";
  const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
  const object = isObject ? input : { malformed: JSON.stringify(input).slice(0, MAX_MALFORMED_CHARS) };
  const kept: unknown = problem === undefined ? object : JSON.parse(toJsonb(object));
  return {
    id,
    tool,
    input: z.json().parse(kept),
    ...(problem === undefined ? {} : { malformed: problem }),
    ...metadata,
  };
}

/** What a person approves and a worker finds again must be what is run: it is not mended on the way. */
function explainUnstorable(input: unknown): string | undefined {
  const path = findUnstorable(input);
  if (path === undefined) return undefined;
  return `${path.join(".")} holds a NUL character or broken Unicode; write such contents with encoding base64`;
}

/** What is wrong with a call, for the model that made it. */
function explainMalformed(name: string, input: unknown, tools: readonly OfferedTool[]): string {
  const tool = tools.find((each) => each.name === name);
  if (tool === undefined) {
    const names = tools.map((each) => each.name).join(", ");
    return `there is no tool ${JSON.stringify(name.slice(0, 100))}; ${names === "" ? "this task has none" : `the tools are ${names}`}`;
  }
  if (typeof input === "string") return "the arguments are no valid JSON; give one JSON object";
  const { error } = tool.input.safeParse(input);
  return error === undefined ? "the arguments do not fit the tool" : z.prettifyError(error);
}
