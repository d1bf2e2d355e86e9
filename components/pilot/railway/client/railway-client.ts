import { ClientError, GraphQLClient } from "graphql-request";
import { z } from "zod";
import { errorOfAnswer, oneLine, RailwayError, RailwayOutcomeUnknownError, unauthorized } from "./errors.ts";
import type { Operation } from "./operation.ts";
import { type Clock, Pacer, SYSTEM_CLOCK } from "./pacer.ts";
import { delayBeforeRetry, type Failure, isCloudflareRateLimit, parseRetryAfter, RETRY_POLICY } from "./retry.ts";

export interface RailwayClientDeps {
  /** Where the API is; `https:`, or `http:` on this machine. */
  readonly url: string;
  /** Token of an account or a workspace. Never part of a message. */
  readonly token: string;
  /** @default 10: what the Hobby plan allows; Pro allows 50 */
  readonly requestsPerSecond?: number;
  /** @default 30,000 */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  /** From 0 to below 1. */
  readonly random?: () => number;
  readonly policy?: typeof RETRY_POLICY;
}

const SERVER_ERROR = 500;

class CallFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.kind);
    this.failure = failure;
  }
}

/**
 * Calls Railway's public GraphQL API. Reads and repeatable calls are made again when no answer came; all are when they
 * were turned away for their rate.
 */
export class RailwayClient {
  readonly clock: Clock;
  readonly #graphql: GraphQLClient;
  readonly #pacer: Pacer;
  readonly #timeoutMs: number;
  readonly #random: () => number;
  readonly #policy: typeof RETRY_POLICY;

  constructor(deps: RailwayClientDeps) {
    const url = new URL(deps.url);
    // an edge rule may block callers without a query string for a day
    url.searchParams.set("source", "automatos");
    this.#graphql = new GraphQLClient(url.href, { headers: { authorization: `Bearer ${deps.token}` } });
    this.clock = deps.clock ?? SYSTEM_CLOCK;
    this.#pacer = new Pacer(deps.requestsPerSecond ?? 10, this.clock);
    this.#timeoutMs = deps.timeoutMs ?? 30_000;
    this.#random = deps.random ?? Math.random;
    this.#policy = deps.policy ?? RETRY_POLICY;
  }

  /**
   * Makes one call, and returns its checked answer.
   *
   * @throws RailwayNotFoundError, RailwayNameTakenError and other RailwayErrors for what the API refused.
   * @throws RailwayOutcomeUnknownError when no answer came. Of an operation `once`, the effect may be there.
   */
  async call<Variables extends object, Answer>(
    operation: Operation<Variables, Answer>,
    variables: Variables,
  ): Promise<Answer> {
    for (let tried = 1; ; tried += 1) {
      await this.#pacer.turn();
      try {
        return await this.#once(operation, variables);
      } catch (error) {
        if (!(error instanceof CallFailed)) throw error;
        const { failure } = error;
        const delay = delayBeforeRetry(failure, tried, operation.effect !== "once", this.#random(), this.#policy);
        if (delay === undefined) throw gaveUp(operation.name, failure, tried);
        if (failure.kind === "turned-away") this.#pacer.hold(delay);
        else await this.clock.sleep(delay);
      }
    }
  }

  async #once<Variables extends object, Answer>(
    operation: Operation<Variables, Answer>,
    variables: Variables,
  ): Promise<Answer> {
    const answer = await this.#send(operation, variables);
    const parsed = operation.answer.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new RailwayError(
      "RAILWAY_ANSWER_UNKNOWN",
      // paths and types only: values may be secrets
      `Railway's answer to ${operation.name} is not what its schema said: ${parsed.error.issues.map((issue) => `${issue.path.join(".")} (${issue.code})`).join(", ")}`,
      "Railway may have changed its API: update this project.",
    );
  }

  /** @throws CallFailed, or what the answer says; never the library's own error, which repeats what was sent. */
  async #send<Variables extends object>(operation: Operation<Variables, unknown>, variables: Variables) {
    try {
      return await this.#graphql.request<unknown>({
        document: operation.document,
        variables,
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
    } catch (error) {
      if (!(error instanceof ClientError)) throw new CallFailed({ kind: "unknown", why: reasonOf(error) });
      throw this.#read(operation, error);
    }
  }

  #read(operation: Operation<object, unknown>, { response }: ClientError): Error {
    const { status } = response;
    const header = response.headers.get("retry-after");
    if (status === 429 || isCloudflareRateLimit(status, response.body)) {
      return new CallFailed({ kind: "turned-away", retryAfterSeconds: parseRetryAfter(header, this.clock.now()) });
    }
    if (status >= SERVER_ERROR) return new CallFailed({ kind: "unknown", why: `HTTP ${status}` });
    const [said] = response.errors ?? [];
    if (said !== undefined) {
      const code = z.object({ code: z.string() }).safeParse(said.extensions).data?.code;
      // the server's own failure, told inside a good HTTP answer
      if (code === "INTERNAL_SERVER_ERROR" || /problem processing request/i.test(said.message)) {
        return new CallFailed({ kind: "unknown", why: "the server failed" });
      }
      return errorOfAnswer(operation.name, { message: said.message, code }, operation.confidential);
    }
    if (status === 401 || status === 403) return unauthorized(operation.name, `HTTP ${status}`);
    return new RailwayError(
      "RAILWAY_REFUSED",
      `Railway's API answered ${operation.name} with HTTP ${status}`,
      "Check automatos:railwayUrl, and what stands between here and Railway.",
    );
  }
}

/** Why a request got no answer, without what it sent. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code, name } = cause as NodeJS.ErrnoException;
  return oneLine(code ?? name);
}

function gaveUp(name: string, failure: Failure, tries: number): RailwayError {
  if (failure.kind === "unknown") return new RailwayOutcomeUnknownError(name, failure.why, tries);
  const asked = failure.retryAfterSeconds;
  return new RailwayError(
    "RAILWAY_RATE_LIMITED",
    `Railway's API turned ${name} away for its rate, ${tries} times${asked === undefined ? "" : `; it asks to wait ${asked} seconds`}`,
    "Run the same command again after that time, or lower automatos:railwayRequestsPerSecond.",
  );
}
