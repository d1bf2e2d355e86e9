import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { type LlmConfig, type LlmKeys, modelAliases } from "../../../contracts/llm.ts";
import type { TaskIdentity } from "../../runtime/task-token.ts";
import type { OwnRequest, OwnRoutes } from "../own-routes.ts";
import { NotAuthenticatedError, TooManyConnectionsError } from "../refusals.ts";
import { Completion, type CompletionDeps } from "./completion.ts";
import {
  asLlmError,
  errorBody,
  type LlmError,
  LlmFaultError,
  LlmNotConfiguredError,
  LlmRateLimitedError,
  LlmRouteUnknownError,
  LlmTokenInvalidError,
} from "./errors.ts";
import { DEFAULT_LLM_LIMITS, type LlmLimits } from "./limits.ts";
import { createLlmMetrics } from "./metrics.ts";
import { Provider } from "./provider.ts";
import { readChatRequest } from "./request.ts";
import { RequestBodies } from "./request-body.ts";
import type { TokenLedger } from "./token-ledger.ts";

export interface LlmGatewayDeps {
  readonly config: LlmConfig;
  readonly keys: LlmKeys;
  readonly ledger: TokenLedger;
  readonly log: Logger;
  readonly registry: Registry;
}

/** The client left before it had its answer. */
class ClientLeftError extends Error {}

const PREFIX = "/v1/";

/** The gateway's LLM half: `POST /v1/chat/completions` and `GET /v1/models` of OpenAI's protocol, for tasks that run. */
export class LlmGateway implements OwnRoutes {
  readonly prefix = PREFIX;
  readonly #deps: CompletionDeps;
  readonly #bodies: RequestBodies;
  /** Calls under way, by task. */
  readonly #calls = new Map<string, number>();
  readonly #handling = new Set<Promise<void>>();

  constructor(deps: LlmGatewayDeps, limits: Partial<LlmLimits> = {}) {
    const all = { ...DEFAULT_LLM_LIMITS, ...limits };
    const { config, keys, ledger, log } = deps;
    const providers = config.providers.map((one) => [one.name, new Provider(one, keys[one.name], all)] as const);
    const underWay = () => [...this.#calls.values()].reduce((sum, calls) => sum + calls, 0);
    const metrics = createLlmMetrics(deps.registry, underWay);
    this.#bodies = new RequestBodies(all);
    this.#deps = { config, ledger, log, metrics, limits: all, providers: new Map(providers) };
  }

  /** Answers a request whose path begins with the prefix. Never rejects. */
  handle(own: OwnRequest): Promise<void> {
    const done = this.#handle(own).finally(() => this.#handling.delete(done));
    this.#handling.add(done);
    return done;
  }

  async #handle(own: OwnRequest): Promise<void> {
    const { request, response } = own;
    const left = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) left.abort(new ClientLeftError("the client left"));
    });
    // An answer may come, and the connection end, before all of the request was read.
    response.once("finish", () => {
      if (!request.complete) request.socket.destroySoon();
    });
    let identity: TaskIdentity | undefined;
    try {
      identity = await authenticate(own);
      await this.#route(own, identity, left.signal);
    } catch (error) {
      if (left.signal.aborted) return;
      this.#refuse(response, asLlmError(error), identity);
    }
  }

  /** Ends what runs, and resolves when all of it has been settled. */
  async close(): Promise<void> {
    await Promise.all([...this.#deps.providers.values()].map((provider) => provider.close()));
    await Promise.all(this.#handling);
  }

  async #route({ path, request, response }: OwnRequest, identity: TaskIdentity, left: AbortSignal): Promise<void> {
    const route = `${request.method ?? ""} ${path.split("?")[0] ?? ""}`;
    if (route !== "POST /v1/chat/completions" && route !== "GET /v1/models") throw new LlmRouteUnknownError();
    if (modelAliases(this.#deps.config).length === 0) throw new LlmNotConfiguredError();
    if (route === "GET /v1/models") sendJson(response, 200, this.#models());
    else await this.#complete(request, response, identity, left);
  }

  #models(): string {
    const { config } = this.#deps;
    const data = modelAliases(config).map((id) => {
      const { contextWindow, maxOutputTokens } = config.models[id] ?? {};
      const window = { context_window: contextWindow, max_output_tokens: maxOutputTokens };
      return { id, object: "model", created: 0, owned_by: "automatos", ...window };
    });
    return JSON.stringify({ object: "list", data });
  }

  async #complete(
    request: IncomingMessage,
    response: ServerResponse,
    identity: TaskIdentity,
    left: AbortSignal,
  ): Promise<void> {
    const { taskId } = identity;
    const { limits, config } = this.#deps;
    const calls = this.#calls.get(taskId) ?? 0;
    if (calls >= limits.maxCallsPerTask) {
      throw new LlmRateLimitedError(`task ${taskId} has ${calls} calls under way, which is the most it may have`, 1);
    }
    this.#calls.set(taskId, calls + 1);
    let release: (() => void) | undefined;
    try {
      const read = await this.#bodies.read(request, left);
      release = read.release;
      await new Completion(this.#deps, identity, readChatRequest(read.body, config)).answer(response, left);
    } finally {
      release?.();
      const rest = (this.#calls.get(taskId) ?? 1) - 1;
      if (rest === 0) this.#calls.delete(taskId);
      else this.#calls.set(taskId, rest);
    }
  }

  #refuse(response: ServerResponse, error: LlmError, identity: TaskIdentity | undefined): void {
    const { log, metrics } = this.#deps;
    metrics.refusals.inc({ reason: error.code.toLowerCase() });
    const ids = { workspaceId: identity?.workspaceId, taskId: identity?.taskId };
    const fields = { event: "llm_refused", ...ids, code: error.code, status: error.status };
    // The messages of our own errors hold no contents; those that repeat a provider's are not logged.
    if (error instanceof LlmFaultError) log.error({ ...fields, err: error.cause }, "model call refused");
    else log.warn(fields, "model call refused");
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const retryAfter = error.retryAfterSeconds;
    if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
    sendJson(response, error.status, errorBody(error));
  }
}

async function authenticate({ identify }: OwnRequest): Promise<TaskIdentity> {
  try {
    return await identify();
  } catch (error) {
    if (error instanceof TooManyConnectionsError) throw new LlmRateLimitedError(error.message, 1);
    if (error instanceof NotAuthenticatedError) throw new LlmTokenInvalidError(error);
    throw error;
  }
}

function sendJson(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}
