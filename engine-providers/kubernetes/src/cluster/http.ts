/** Requests to the API server with the access of a kubeconfig: certificates, tokens, exec plugins, proxies. */
import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import type { KubeConfig } from "@kubernetes/client-node";
import { isManifest } from "../manifest/manifest.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { ApiError, UnreachableError } from "./errors.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the server's root: `/api/v1/...`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: Manifest | readonly Manifest[];
  /** @default `application/json` */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface ApiAnswer {
  readonly body: Manifest;
  /** What the server warns of: deprecated versions, unknown fields. */
  readonly warnings: readonly string[];
}

/** How often a server that asks for patience gets another try. */
const PATIENCE_TRIES = 8;
const DEFAULT_RETRY_SECONDS = 1;
/** The server's own limit of a request is a minute; one that says nothing for longer is not there. */
const SILENCE_LIMIT_MS = 90_000;

export class ApiTransport {
  readonly #access: KubeConfig;
  readonly #server: URL;
  readonly #agent: http.Agent;
  readonly #silenceLimitMs: number;

  /** @param timeoutSeconds Limit of each request; 0 or undefined for the server's own. */
  constructor(access: KubeConfig, timeoutSeconds: number | undefined) {
    const cluster = access.getCurrentCluster();
    if (cluster === null) throw new UnreachableError("the kubeconfig names no cluster");
    this.#access = access;
    this.#server = new URL(cluster.server);
    const agentOptions = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
    this.#agent = this.#server.protocol === "https:" ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
    this.#silenceLimitMs = timeoutSeconds ? timeoutSeconds * 1_000 : SILENCE_LIMIT_MS;
  }

  /** @throws ApiError, UnreachableError */
  async request(request: ApiRequest): Promise<ApiAnswer> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#once(request);
      } catch (error) {
        if (tries >= PATIENCE_TRIES || !(error instanceof ApiError) || !asksForPatience(error)) throw error;
        await delay((error.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS) * 1_000, undefined, { signal: request.signal });
      }
    }
  }

  async #once(request: ApiRequest): Promise<ApiAnswer> {
    const response = await this.open(request);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch (error) {
      throw new UnreachableError(describe(error, this.#server), { cause: error });
    }
    const body = parse(Buffer.concat(chunks).toString());
    const status = response.statusCode ?? 0;
    if (status >= 400) throw new ApiError(status, body);
    return { body, warnings: warningsOf(response) };
  }

  /** The answer as it begins to come; its body is the caller's to read. @throws UnreachableError */
  async open(request: ApiRequest): Promise<http.IncomingMessage> {
    for (;;) {
      try {
        return await this.#send(request);
      } catch (error) {
        // The server may close an idle connection just as the next request takes it: nothing has been done then.
        if (error instanceof StaleConnectionError) continue;
        if (request.signal?.aborted) throw request.signal.reason;
        throw new UnreachableError(describe(error, this.#server), { cause: error });
      }
    }
  }

  async #send({ method, path, query, body, contentType, signal }: ApiRequest): Promise<http.IncomingMessage> {
    const options: https.RequestOptions = {};
    await this.#access.applyToHTTPSOptions(options);
    const url = new URL(this.#server.pathname.replace(/\/$/, "") + path, this.#server);
    for (const [key, value] of Object.entries(query ?? {})) if (value !== undefined) url.searchParams.set(key, value);
    const content = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers: http.OutgoingHttpHeaders = { ...headersOf(options), accept: "application/json" };
    if (content !== undefined) {
      headers["content-type"] = contentType ?? "application/json";
      headers["content-length"] = content.length;
    }
    const proxied = this.#access.getCurrentCluster()?.proxyUrl !== undefined;
    const agent = proxied ? options.agent : this.#agent;
    return new Promise((resolve, reject) => {
      const send = this.#server.protocol === "https:" ? https.request : http.request;
      const call = send(url, { ...options, method, headers, agent, signal, timeout: this.#silenceLimitMs });
      call.on("response", resolve);
      call.on("timeout", () => call.destroy(new Error(`no answer within ${this.#silenceLimitMs / 1_000} s`)));
      call.on("error", (error: NodeJS.ErrnoException) => {
        reject(call.reusedSocket && error.code === "ECONNRESET" ? new StaleConnectionError() : error);
      });
      call.end(content);
    });
  }
}

class StaleConnectionError extends Error {}

function headersOf(options: https.RequestOptions): http.OutgoingHttpHeaders {
  return Array.isArray(options.headers) ? {} : { ...(options.headers as http.OutgoingHttpHeaders | undefined) };
}

function asksForPatience(error: ApiError): boolean {
  return error.status === 429 || (error.status >= 500 && error.retryAfterSeconds !== undefined);
}

function parse(body: string): Manifest {
  try {
    const parsed = JSON.parse(body) as Manifest;
    if (isManifest(parsed)) return parsed;
  } catch {
    // A proxy's page, say: its text is the message.
  }
  return { message: body.trim().slice(0, 500) };
}

/** `299 - "text"`, several in one header parted by commas. */
function warningsOf(response: http.IncomingMessage): string[] {
  const header = response.headers.warning ?? "";
  return [...header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, words = ""]) => words.replaceAll(/\\(.)/g, "$1"));
}

/** Names the server, never what was sent to it. */
function describe(error: unknown, server: URL): string {
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const words = cause instanceof Error ? cause.message : String(cause);
  return `${server.origin}: ${words}`;
}
