import { Agent, request, type Dispatcher } from "undici";
import type { LlmProvider } from "../../../contracts/llm.ts";
import type { LlmLimits } from "./limits.ts";
import { CallSlots } from "./call-slots.ts";
import { Circuit } from "./circuit.ts";
import { ProviderRefusedError } from "./errors.ts";
import { EventSplitter, EventTooLargeError, eventData } from "./event-stream.ts";
import { retryAfterMs, UpstreamFailure } from "./upstream-failure.ts";
import { isError, readCompletion, type Completion } from "./usage.ts";

/** An answer in one piece, whole and checked. */
export interface WholeAnswer {
  readonly kind: "whole";
  readonly bytes: Buffer;
  readonly completion: Completion;
}

/** An answer in events, of which the first with data is here and no error. */
export interface StreamedAnswer {
  readonly kind: "stream";
  /** Whole events, byte for byte as they come. @throws UpstreamFailure when it breaks off */
  readonly events: AsyncIterable<Buffer>;
}

/** What the client did wrong, and another provider would not take either. Other 4xx are between provider and operator. */
const CLIENTS_MISTAKES: ReadonlySet<number> = new Set([400, 413, 422]);
/** Likely to pass: a timeout, a conflict, too early. */
const PASSING: ReadonlySet<number> = new Set([408, 409, 425]);
const MAX_ERROR_BYTES = 65_536;
const MAX_ERROR_CHARS = 2_000;

/** One OpenAI-compatible API: its connections, its key, and how it fares. */
export class Provider {
  readonly config: LlmProvider;
  readonly circuit: Circuit;
  readonly slots: CallSlots;
  readonly #key: string | undefined;
  readonly #limits: LlmLimits;
  readonly #agent: Agent;
  readonly #url: string;

  constructor(config: LlmProvider, key: string | undefined, limits: LlmLimits) {
    this.config = config;
    this.#key = key;
    this.#limits = limits;
    this.circuit = new Circuit({ maxFailures: limits.circuitFailures, restMs: limits.circuitRestMs });
    this.slots = new CallSlots(config.maxConcurrentCalls);
    this.#url = `${config.baseUrl.replace(/\/+$/, "")}/chat/completions`;
    this.#agent = new Agent({
      connect: { timeout: limits.connectTimeoutMs },
      headersTimeout: limits.firstByteTimeoutMs,
      bodyTimeout: limits.idleTimeoutMs,
      keepAliveTimeout: 10_000,
      maxHeaderSize: 65_536,
    });
  }

  /**
   * Makes one call, once. Redirects are not followed: the key is for this server alone.
   *
   * @throws UpstreamFailure, ProviderRefusedError, and the signal's reason when it fires
   */
  async call(
    body: string,
    options: { readonly stream: boolean; readonly signal: AbortSignal },
  ): Promise<WholeAnswer | StreamedAnswer> {
    const { signal, stream } = options;
    try {
      const response = await request(this.#url, {
        dispatcher: this.#agent,
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: stream ? "text/event-stream" : "application/json",
          "accept-encoding": "identity",
          "user-agent": "automatos-gateway",
          ...(this.#key === undefined ? {} : { authorization: `Bearer ${this.#key}` }),
        },
        body,
        signal,
      });
      if (response.statusCode !== 200) throw await this.#refusal(response);
      const isStream = /^text\/event-stream\b/i.test(String(response.headers["content-type"]));
      if (isStream !== stream) {
        discard(response.body);
        throw new UpstreamFailure("malformed");
      }
      return stream ? await this.#openStream(response, signal) : await this.#readWhole(response);
    } catch (error) {
      signal.throwIfAborted();
      throw asFailure(error);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #refusal({ statusCode: status, headers, body }: Dispatcher.ResponseData): Promise<Error> {
    if (CLIENTS_MISTAKES.has(status)) return this.#clientsMistake(status, await readUpTo(body, MAX_ERROR_BYTES));
    discard(body);
    if (status >= 300 && status < 400) return new UpstreamFailure("redirect", { status, isPassing: false });
    if (status === 429) {
      return new UpstreamFailure("rate_limited", { status, retryAfterMs: retryAfterMs(headers["retry-after"]) });
    }
    const isPassing = status >= 500 || PASSING.has(status);
    return new UpstreamFailure("status", { status, isPassing, retryAfterMs: retryAfterMs(headers["retry-after"]) });
  }

  /** The provider's words go to who made the mistake, without the key, should they repeat it. */
  #clientsMistake(status: number, body: Buffer | undefined): ProviderRefusedError {
    const said = readError(body);
    const message = this.#key === undefined ? said.message : said.message.replaceAll(this.#key, "[redacted]");
    return new ProviderRefusedError({ ...said, status, message });
  }

  async #readWhole({ body }: Dispatcher.ResponseData): Promise<WholeAnswer> {
    const bytes = await readUpTo(body, this.#limits.maxAnswerBytes);
    if (bytes === undefined) throw new UpstreamFailure("too_large", { isPassing: false });
    const text = bytes.toString("utf8");
    const completion = readCompletion(text);
    if (completion === undefined || isError(text)) throw new UpstreamFailure("malformed");
    return { kind: "whole", bytes, completion };
  }

  /** Reads until the first event that says something: so long, another provider may still be asked instead. */
  async #openStream({ body }: Dispatcher.ResponseData, signal: AbortSignal): Promise<StreamedAnswer> {
    const events = this.#events(body, signal);
    const first: Buffer[] = [];
    for (;;) {
      const next = await events.next();
      if (next.done === true) throw new UpstreamFailure("malformed");
      first.push(next.value);
      const data = eventData(next.value);
      if (data === undefined) continue;
      if (!isError(data)) break;
      discard(body);
      throw new UpstreamFailure("malformed");
    }
    return { kind: "stream", events: prepend(first, events) };
  }

  async *#events(body: Dispatcher.ResponseData["body"], signal: AbortSignal): AsyncGenerator<Buffer, undefined> {
    const splitter = new EventSplitter(this.#limits.maxEventBytes);
    let total = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        total += chunk.length;
        if (total > this.#limits.maxAnswerBytes) throw new UpstreamFailure("too_large", { isPassing: false });
        yield* splitter.push(chunk);
      }
      // A server that leaves the last blank line out has said all the same what it said.
      const rest = splitter.rest();
      if (rest.length > 0) yield Buffer.concat([rest, Buffer.from("\n\n")]);
    } catch (error) {
      signal.throwIfAborted();
      throw asFailure(error);
    }
  }
}

/** Ends an answer that nobody reads. */
function discard(body: Dispatcher.ResponseData["body"]): void {
  body.on("error", () => undefined); // it says that it was ended
  body.destroy();
}

async function* prepend<T>(first: readonly T[], rest: AsyncIterable<T>): AsyncGenerator<T, undefined> {
  yield* first;
  yield* rest;
}

function asFailure(error: unknown): Error {
  if (error instanceof UpstreamFailure || error instanceof ProviderRefusedError) return error;
  if (error instanceof EventTooLargeError) return new UpstreamFailure("too_large", { isPassing: false });
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  // Undici's; the system's own timeouts are those of a connection.
  const isTimeout = /^UND_ERR_(HEADERS|BODY|CONNECT)_TIMEOUT$/.test(code);
  return new UpstreamFailure(isTimeout ? "timeout" : "connection", { cause: error });
}

/** All of a body; undefined when it is longer than that. */
async function readUpTo(body: Dispatcher.ResponseData["body"], maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > maxBytes) return undefined; // leaving the loop ends the body
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** OpenAI's error object, or what else a provider answers. */
function readError(body: Buffer | undefined): { message: string; code: string | null; param: string | null } {
  const unclear = { message: "it gave no reason", code: null, param: null };
  try {
    const parsed: unknown = JSON.parse((body ?? Buffer.alloc(0)).toString("utf8"));
    const error = property(parsed, "error") ?? parsed;
    const text = (name: string): string | null => {
      const value = property(error, name);
      return typeof value === "string" ? value : null;
    };
    const code = text("code");
    return {
      message: (typeof error === "string" ? error : (text("message") ?? unclear.message)).slice(0, MAX_ERROR_CHARS),
      code: code !== null && /^[a-z0-9_]{1,64}$/i.test(code) ? code : null,
      param: text("param")?.slice(0, 100) ?? null,
    };
  } catch {
    return unclear;
  }
}

const property = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
