import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** A tool call as the model makes it; `arguments` that is a string goes out as it is, valid JSON or not. */
export interface ScriptedCall {
  readonly name: string;
  readonly arguments?: unknown;
  /** @default made, unique */
  readonly id?: string;
}

/** What one request is answered with. */
export interface ScriptedAnswer {
  readonly text?: string;
  readonly reasoning?: string;
  readonly calls?: readonly ScriptedCall[];
  /** @default "tool_calls" with calls, else "stop" */
  readonly finish?: "stop" | "tool_calls" | "length" | "content_filter";
  /** Null: the answer says nothing of usage. @default a count of words, which grows with the request */
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  /** Characters in each piece of a stream. @default 20 */
  readonly chunkChars?: number;
  /** Waited before each piece of a stream. @default 0 */
  readonly chunkDelayMs?: number;
  /** Waited before the answer begins. @default 0 */
  readonly delayMs?: number;
  /** Fails with this status instead, with OpenAI's error object. */
  readonly status?: number;
  readonly error?: { readonly message: string; readonly type?: string; readonly code?: string | null };
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * How the answer goes wrong: `connection` is closed before a byte; `midway` after half of the pieces; `unfinished`
   * ends in order, but without a finish_reason and without [DONE]; `garbage_json` puts a piece that is no JSON into the
   * middle; `garbage_sse` writes lines that are no events; `error_event` ends with an error object inside the stream;
   * `not_json` answers 200 with a page of HTML; `hangs` goes silent after half of the pieces until the caller leaves.
   */
  readonly fault?:
    "connection" | "midway" | "unfinished" | "garbage_json" | "garbage_sse" | "error_event" | "not_json" | "hangs";
}

export interface ChatRequest {
  readonly model: string;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
  readonly max_tokens?: number;
  readonly messages: readonly {
    readonly role: "system" | "user" | "assistant" | "tool";
    readonly content: string | null;
    readonly tool_call_id?: string;
    readonly reasoning_content?: string;
    readonly tool_calls?: readonly {
      readonly id: string;
      readonly function: { readonly name: string; readonly arguments: string };
    }[];
  }[];
  readonly tools?: readonly {
    readonly function: { readonly name: string; readonly description?: string; readonly parameters: unknown };
  }[];
}

/** Writes one answer of a scripted server, as OpenAI would, or as its fault says. */
export async function sendAnswer(
  response: ServerResponse,
  request: ChatRequest,
  answer: ScriptedAnswer,
): Promise<void> {
  if (answer.delayMs !== undefined) await delay(answer.delayMs);
  if (answer.fault === "connection") {
    response.destroy();
    return;
  }
  if (answer.fault === "not_json") {
    response.writeHead(200, { "content-type": "text/html" }).end("<html><body>welcome</body></html>");
    return;
  }
  if (answer.status !== undefined) {
    const error = { message: `scripted ${answer.status}`, type: "scripted", code: null, ...answer.error };
    sendJson(response, answer.status, { error }, answer.headers);
    return;
  }
  const complete = completion(request, answer);
  if (request.stream === true) await stream(response, request, answer, complete);
  else sendJson(response, 200, complete.whole, answer.headers);
}

function completion(request: ChatRequest, answer: ScriptedAnswer) {
  const calls = (answer.calls ?? []).map((call, index) => ({
    index,
    id: call.id ?? `call_${randomUUID().replaceAll("-", "").slice(0, 24)}`,
    type: "function",
    function: { name: call.name, arguments: toArguments(call.arguments) },
  }));
  const finish = answer.finish ?? (calls.length > 0 ? "tool_calls" : "stop");
  const counted = { prompt_tokens: words(JSON.stringify(request.messages)), completion_tokens: words(answer.text) };
  const given = answer.usage === undefined ? counted : answer.usage;
  const usage = given && { ...given, total_tokens: given.prompt_tokens + given.completion_tokens };
  const base = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1_000), model: request.model };
  const message = {
    role: "assistant",
    content: answer.text ?? null,
    ...(answer.reasoning === undefined ? {} : { reasoning_content: answer.reasoning }),
    ...(calls.length === 0
      ? {}
      : { tool_calls: calls.map(({ id, type, function: fn }) => ({ id, type, function: fn })) }),
  };
  const whole = {
    ...base,
    object: "chat.completion",
    choices: [{ index: 0, message, finish_reason: finish }],
    ...(usage === null ? {} : { usage }),
  };
  return { base, calls, finish, usage, whole };
}

const toArguments = (given: unknown): string => (typeof given === "string" ? given : JSON.stringify(given ?? {}));

/** At least one: a provider never bills nothing. */
const words = (text = ""): number => text.split(/\W+/).length;

async function stream(
  response: ServerResponse,
  request: ChatRequest,
  answer: ScriptedAnswer,
  { base, calls, finish, usage }: ReturnType<typeof completion>,
): Promise<void> {
  const event = (choices: unknown[], more = {}) =>
    `data: ${JSON.stringify({ ...base, object: "chat.completion.chunk", choices, ...more })}\n\n`;
  const delta = (piece: unknown) => event([{ index: 0, delta: piece, finish_reason: null }]);
  const size = answer.chunkChars ?? 20;
  const events = [
    delta({ role: "assistant", content: "" }),
    ...pieces(answer.reasoning, size).map((text) => delta({ reasoning_content: text })),
    ...pieces(answer.text, size).map((text) => delta({ content: text })),
    ...calls.flatMap(({ index, id, type, function: { name, arguments: args } }) => [
      delta({ tool_calls: [{ index, id, type, function: { name, arguments: "" } }] }),
      ...pieces(args, size).map((text) => delta({ tool_calls: [{ index, function: { arguments: text } }] })),
    ]),
  ];
  const middle = Math.ceil(events.length / 2);
  if (answer.fault === "garbage_json") events.splice(middle, 0, 'data: {"choices": [{"del\n\n');
  if (answer.fault === "garbage_sse") events.splice(middle, 0, "\u0000\u0007 what is this\nnot an event either\n\n");
  const isCut = answer.fault === "midway" || answer.fault === "hangs";

  response.writeHead(200, { "content-type": "text/event-stream", ...answer.headers });
  for (const text of isCut ? events.slice(0, middle) : events) {
    if (answer.chunkDelayMs !== undefined) await delay(answer.chunkDelayMs);
    if (response.destroyed) return;
    if (!response.write(text)) await drained(response);
  }
  if (answer.fault === "hangs") return; // the caller leaves, or stop() closes the connection
  if (answer.fault === "midway") {
    response.destroy();
    return;
  }
  if (answer.fault === "unfinished") {
    response.end();
    return;
  }
  if (answer.fault === "error_event") {
    response.end(
      `data: ${JSON.stringify({ error: { message: "scripted failure", type: "server_error", code: null } })}\n\n`,
    );
    return;
  }
  response.write(event([{ index: 0, delta: {}, finish_reason: finish }]));
  if (usage !== null && request.stream_options?.include_usage === true) response.write(event([], { usage }));
  response.end("data: [DONE]\n\n");
}

/** Resolves when more can be written, or when nobody reads any more. */
async function drained(response: ServerResponse): Promise<void> {
  const closed = new AbortController();
  const onClose = () => closed.abort();
  response.once("close", onClose);
  await once(response, "drain", { signal: closed.signal }).catch(() => undefined);
  response.off("close", onClose);
}

function pieces(text: string | undefined, size: number): string[] {
  if (text === undefined || text === "") return [];
  const characters = Array.from(text);
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, index) =>
    characters.slice(index * size, (index + 1) * size).join(""),
  );
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}
