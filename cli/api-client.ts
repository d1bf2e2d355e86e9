import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import { Problem } from "../contracts/http-api.ts";
import { ApiRefusalError, ApiUnreachableError, UnexpectedAnswerError } from "./errors.ts";

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly bytes?: ReadableStream;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** The same request twice is the same as once, so it may be sent again. @default true but for POST and PATCH */
  readonly repeatable?: boolean;
}

/** Pauses before a repeatable request is sent again, in milliseconds. */
const RETRY_PAUSES_MS = [200, 600, 1_500];
const REPEATABLE_METHODS = new Set(["GET", "PUT", "DELETE"]);

/** Speaks to one API with one token. Every answer is checked against the schema that the API promises. */
export class ApiClient {
  readonly apiUrl: string;
  readonly #token: string;

  constructor(options: { readonly apiUrl: string; readonly token: string }) {
    this.apiUrl = options.apiUrl;
    this.#token = options.token;
  }

  /** What names the caller, for connections that are opened elsewhere. */
  get authorization(): { readonly authorization: string } {
    return { authorization: `Bearer ${this.#token}` };
  }

  /**
   * The parsed answer.
   *
   * @throws ApiUnreachableError, ApiRefusalError, UnexpectedAnswerError
   */
  async call<Schema extends z.ZodType>(
    method: string,
    path: string,
    schema: Schema,
    options: RequestOptions = {},
  ): Promise<z.output<Schema>> {
    const response = await this.fetch(method, path, options);
    const body: unknown = response.status === 204 ? null : await response.json().catch(() => undefined);
    const parsed = schema.safeParse(body);
    if (!parsed.success) throw new UnexpectedAnswerError(`${method} ${path}`, parsed.error);
    return parsed.data;
  }

  /** The answer when it is a success. @throws ApiUnreachableError, ApiRefusalError */
  async fetch(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const repeatable = options.repeatable ?? REPEATABLE_METHODS.has(method);
    for (const pause of repeatable ? RETRY_PAUSES_MS : []) {
      try {
        return await this.#once(method, path, options);
      } catch (error) {
        if (!isPassing(error) || options.signal?.aborted === true) throw error;
        await delay(pause, undefined, options.signal === undefined ? {} : { signal: options.signal });
      }
    }
    return this.#once(method, path, options);
  }

  async #once(method: string, path: string, options: RequestOptions): Promise<Response> {
    const url = `${this.apiUrl}${path}${queryString(options.query)}`;
    const json = options.body === undefined ? {} : { "content-type": "application/json" };
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, accept: "application/json", ...json, ...options.headers },
        redirect: "error", // a token is for this API, not for where it may point
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        ...(options.bytes === undefined ? {} : { body: options.bytes, duplex: "half" as const }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      throw new ApiUnreachableError(this.apiUrl, error);
    }
    if (response.ok) return response;
    throw await refusal(response, `${method} ${path}`);
  }
}

/** Whether the same request may well be answered in a moment: the API restarts, or its database does. */
export const isPassing = (error: unknown): boolean =>
  error instanceof ApiUnreachableError ||
  (error instanceof ApiRefusalError && [502, 503, 504].includes(error.problem.status));

async function refusal(response: Response, what: string): Promise<Error> {
  const problem = Problem.safeParse(await response.json().catch(() => undefined));
  if (problem.success) {
    const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
    return new ApiRefusalError(problem.data, Number.isFinite(retryAfter) ? retryAfter : undefined);
  }
  // Something in between answered, such as a proxy.
  if ([502, 503, 504].includes(response.status))
    return new ApiUnreachableError(response.url, `status ${response.status}`);
  return new UnexpectedAnswerError(`${what} (status ${response.status})`);
}

function queryString(query: RequestOptions["query"] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && String(value) !== "") parameters.append(name, String(value));
  }
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}
