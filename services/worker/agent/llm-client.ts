import type * as OpenAiCompatible from "@ai-sdk/openai-compatible";
import type * as Ai from "ai";
import type * as Undici from "undici";
import { z } from "zod";
import { CallFailure, brokenAnswer, toCallFailure } from "./call-failure.ts";
import type { ModelInfo } from "./model-info.ts";
import { askModel, type ModelAnswer, type ModelRequest } from "./ask-model.ts";

export interface LlmEndpoint {
  /** The gateway's Unix socket. */
  readonly socketPath: string;
  /** Names the task there. */
  readonly token: string;
  /** Silence after which an answer counts as broken. @default 120_000 */
  readonly idleMs?: number;
}

const IDLE_MS = 120_000;
/** The gateway may try several providers before the first byte. */
const HEADERS_MS = 300_000;
/** Of a model that does not say it: what nearly all have. */
const USUAL_WINDOW = 32_768;
const USUAL_OUTPUT = 4_096;
const MAX_ERROR_CHARS = 10_000;

const ModelList = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      context_window: z.int().min(1).nullish(),
      max_output_tokens: z.int().min(1).nullish(),
    }),
  ),
});
const ErrorBody = z.object({
  error: z.object({ message: z.string(), code: z.union([z.string(), z.number()]).nullish() }),
});

/**
 * The gateway's LLM half for one task: OpenAI's protocol over its Unix socket. What it is made of is loaded with the
 * first task that needs it: a worker that runs none stays small.
 */
export class LlmClient {
  readonly #libraries: Libraries;
  readonly #dispatcher: InstanceType<Libraries["undici"]["Agent"]>;
  readonly #fetch: typeof fetch;
  readonly #token: string;

  private constructor(libraries: Libraries, { socketPath, token, idleMs = IDLE_MS }: LlmEndpoint) {
    const { Agent, fetch: fetchOver } = libraries.undici;
    const dispatcher = new Agent({ connect: { socketPath }, headersTimeout: HEADERS_MS, bodyTimeout: idleMs });
    this.#libraries = libraries;
    this.#dispatcher = dispatcher;
    this.#token = token;
    // undici's own types and those of Node name the same things; they are one implementation in two versions.
    this.#fetch = ((url: string, init: object) => fetchOver(url, { ...init, dispatcher })) as unknown as typeof fetch;
  }

  static async open(endpoint: LlmEndpoint): Promise<LlmClient> {
    return new LlmClient(await loadLibraries(), endpoint);
  }

  /** The models that the task may name. @throws CallFailure */
  async models(signal: AbortSignal): Promise<ModelInfo[]> {
    let status: number;
    let headers: Headers;
    let text: string;
    try {
      const authorization = `Bearer ${this.#token}`;
      const response = await this.#fetch(`${BASE_URL}/models`, { headers: { authorization }, signal });
      ({ status, headers } = response);
      text = await response.text();
    } catch (error) {
      signal.throwIfAborted();
      throw brokenAnswer(describe(error));
    }
    if (status !== 200)
      throw toCallFailure({ status, headers: Object.fromEntries(headers), ...parseError(text) }, "", []);
    const parsed = ModelList.safeParse(parseJson(text));
    if (!parsed.success) throw brokenAnswer("its list of models is not one");
    return parsed.data.data.map(({ id, context_window, max_output_tokens }) => {
      const contextWindow = context_window ?? USUAL_WINDOW;
      return { id, contextWindow, maxOutputTokens: max_output_tokens ?? Math.min(USUAL_OUTPUT, contextWindow / 4) };
    });
  }

  /** Asks once. @throws CallFailure; the signal's reason when it fires */
  async ask(request: ModelRequest): Promise<ModelAnswer> {
    const { ai, provider } = this.#libraries;
    const gateway = provider.createOpenAICompatible({
      name: "gateway",
      baseURL: BASE_URL,
      apiKey: this.#token,
      includeUsage: true,
      fetch: this.#fetch,
    });
    try {
      return await askModel(ai, gateway.chatModel(request.model.id), request);
    } catch (error) {
      request.signal.throwIfAborted();
      throw this.#toFailure(error, request);
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  /** What the libraries throw holds the whole request: only words and numbers of it go on. */
  #toFailure(error: unknown, { model }: ModelRequest): CallFailure {
    if (error instanceof CallFailure) return error;
    const { APICallError } = this.#libraries.ai;
    if (APICallError.isInstance(error) && error.statusCode !== undefined && error.statusCode >= 400) {
      const { statusCode: status, responseHeaders: headers = {}, responseBody = "" } = error;
      return toCallFailure({ status, headers, ...parseError(responseBody) }, model.id, []);
    }
    const inStream = ErrorBody.shape.error.safeParse(error);
    if (inStream.success && !(error instanceof Error)) {
      const failure = { status: 502, headers: {}, message: inStream.data.message, code: codeOf(inStream.data.code) };
      return toCallFailure(failure, model.id, []);
    }
    return brokenAnswer(describe(error));
  }
}

/** Origin-form requests on the socket: the name is of no matter. */
const BASE_URL = "http://gateway/v1";

interface Libraries {
  readonly ai: typeof Ai;
  readonly provider: typeof OpenAiCompatible;
  readonly undici: typeof Undici;
}

let libraries: Promise<Libraries> | undefined;

function loadLibraries(): Promise<Libraries> {
  libraries ??= Promise.all([import("ai"), import("@ai-sdk/openai-compatible"), import("undici")]).then(
    ([ai, provider, undici]) => {
      // Its warnings go to the console otherwise, with settings of the call in them.
      globalThis.AI_SDK_LOG_WARNINGS = false;
      return { ai, provider, undici };
    },
  );
  return libraries;
}

function parseError(text: string): { code: string | undefined; message: string } {
  const parsed = ErrorBody.safeParse(parseJson(text));
  if (!parsed.success) return { code: undefined, message: text.slice(0, MAX_ERROR_CHARS) || "no reason was given" };
  return { code: codeOf(parsed.data.error.code), message: parsed.data.error.message };
}

const codeOf = (code: string | number | null | undefined): string | undefined =>
  code === null || code === undefined ? undefined : String(code);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the schema says what is wrong with it
  }
}

/** What broke, without what was sent: a cause of the network names itself, a parser's message would quote its text. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return "the answer was not one";
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== undefined) return `the connection failed with ${code}`;
  }
  if (error.name === "AI_InvalidResponseDataError") return error.message;
  if (/Parse|Validation/.test(error.name)) return "the answer holds what is no JSON of a completion";
  return error.message === "terminated" ? "the connection broke off" : "the answer broke off";
}
