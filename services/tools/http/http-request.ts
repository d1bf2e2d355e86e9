import type { ToolInput } from "../../../contracts/tools.ts";
import { textOrBase64 } from "../../runtime/text-or-base64.ts";
import { withDeadline } from "../deadline.ts";
import type { GatewayRoute } from "../gateway/tunnel.ts";
import type { AdapterContext, ToolAdapter } from "../tool-adapter.ts";
import { NetworkAccessOffError } from "../tool-errors.ts";
import { exchange, type ExchangeRequest, type ExchangeResponse } from "./exchange.ts";
import { HttpRequestFailedError, RequestBodyNotAllowedError, TooManyRedirectsError } from "./http-errors.ts";

export interface HttpRequestDeps {
  readonly gateway: GatewayRoute;
  /** Certificates in PEM that are trusted beside those of Node. @default none */
  readonly trustedCertificates?: string;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** What a request to another origin keeps of the caller's headers; all else may be meant for the first one alone. */
const HARMLESS_HEADERS: ReadonlySet<string> = new Set(["accept", "accept-language", "content-type", "user-agent"]);

/**
 * Sends an HTTP request through the gateway, with a token of the caller: the workspace's allow-list, the look at the
 * address behind a name and the limits hold as they do for its sandboxes, for each redirect anew. Always by CONNECT,
 * so that an answer of the gateway and one of the server cannot be taken for each other.
 *
 * Answers `{ status, url, redirects, headers, body, encoding, bodyBytes, truncated }`; `body` is text where it is UTF-8,
 * base64 otherwise, and is not decompressed. A status of 400 or more is an answer as well, no error.
 */
export class HttpRequestAdapter implements ToolAdapter<"http_request"> {
  readonly name = "http_request";
  readonly #deps: HttpRequestDeps;

  constructor(deps: HttpRequestDeps) {
    this.#deps = deps;
  }

  async call(input: ToolInput<"http_request">, context: AdapterContext): Promise<unknown> {
    if (!context.networkAccess) throw new NetworkAccessOffError(this.name);
    if (input.body !== undefined && (input.method === "GET" || input.method === "HEAD")) {
      throw new RequestBodyNotAllowedError(input.method);
    }
    return withDeadline(this.name, input.timeoutSeconds, context.signal, (signal) =>
      this.#follow(input, context, signal),
    );
  }

  async #follow(input: ToolInput<"http_request">, { identity }: AdapterContext, signal: AbortSignal): Promise<unknown> {
    let request: ExchangeRequest = {
      method: input.method,
      url: new URL(input.url),
      headers: Object.fromEntries(Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value])),
      body: input.body === undefined ? undefined : Buffer.from(input.body, input.bodyEncoding),
    };
    const redirects: string[] = [];
    for (;;) {
      const response = await exchange(request, { ...this.#deps, identity, maxBytes: input.maxBytes, signal });
      const location = input.followRedirects && REDIRECTS.has(response.status) ? response.headers.location : undefined;
      if (typeof location !== "string") return answer(request, response, redirects);
      if (redirects.length === MAX_REDIRECTS) throw new TooManyRedirectsError(input.url, MAX_REDIRECTS);
      request = redirected(request, response.status, location);
      redirects.push(withoutSecrets(request.url));
    }
  }
}

function answer(request: ExchangeRequest, response: ExchangeResponse, redirects: readonly string[]): unknown {
  const { content, encoding, bytes } = textOrBase64(response.body, response.truncated);
  return {
    status: response.status,
    url: request.url.href,
    redirects,
    headers: response.headers,
    body: content,
    encoding,
    bodyBytes: bytes,
    truncated: response.truncated,
  };
}

/** As browsers do: 303 always, and 301 and 302 after a POST, ask for the new place with GET. */
function redirected(request: ExchangeRequest, status: number, location: string): ExchangeRequest {
  const url = target(request.url, location);
  const sameOrigin = url.origin === request.url.origin;
  const toGet = (status === 303 && request.method !== "HEAD") || (status < 303 && request.method === "POST");
  const headers = Object.entries(request.headers).filter(
    ([name]) => (sameOrigin || HARMLESS_HEADERS.has(name)) && !(toGet && name.startsWith("content-")),
  );
  return {
    url,
    method: toGet ? "GET" : request.method,
    body: toGet ? undefined : request.body,
    headers: Object.fromEntries(headers),
  };
}

function target(from: URL, location: string): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username + url.password !== "") {
    throw new HttpRequestFailedError(withoutSecrets(from), "redirects to what is no plain http or https URL");
  }
  return url;
}

const withoutSecrets = ({ origin, pathname }: URL): string => `${origin}${pathname}`;
