import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sendAnswer, sendJson, type ChatRequest, type ScriptedAnswer } from "./llm-answer.ts";

/** A request for a completion, as it came. */
export interface SeenRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: ChatRequest;
  /** Whether the caller left before he had the whole answer. */
  abandoned: boolean;
  /** Resolves when its connection has closed or its answer is out. */
  readonly closed: Promise<undefined>;
}

export interface ServedModel {
  readonly id: string;
  readonly context_window?: number;
  readonly max_output_tokens?: number;
}

/**
 * An OpenAI-compatible server over real HTTP that answers by a script: `POST /v1/chat/completions` (streamed where the
 * request says so) and `GET /v1/models`. Answers are taken in the order in which `script` was given them, then made by
 * `respond`; a request for which there is none gets a 500 that says so.
 *
 * @example
 * const llm = await startLlmServer();
 * llm.script({ calls: [{ name: "read_file", arguments: { path: "a" } }] }, { text: "done" });
 * // point a client at llm.url; then look at llm.requests
 */
export interface LlmServer {
  /** `http://127.0.0.1:<port>/v1`; over a Unix socket `http://localhost/v1`. */
  readonly url: string;
  readonly port: number;
  /** The requests for completions so far, the oldest first. */
  readonly requests: readonly SeenRequest[];
  /** What `GET /v1/models` lists. @default one: `scripted`, 128,000 tokens, 8,000 of output */
  models: readonly ServedModel[];
  script(...answers: readonly ScriptedAnswer[]): void;
  /** Answers what the script does not; `index` counts all requests from 0. */
  respond(make: (request: ChatRequest, index: number) => ScriptedAnswer): void;
  /** Resolves when that many requests have come. */
  seen(count: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startLlmServer(options: { readonly socketPath?: string } = {}): Promise<LlmServer> {
  const requests: SeenRequest[] = [];
  const scripted: ScriptedAnswer[] = [];
  let make: ((request: ChatRequest, index: number) => ScriptedAnswer) | undefined;
  let wake = Promise.withResolvers<undefined>();

  const server = createServer((request, response) => {
    void handle(request, response).catch(() => response.destroy());
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (request.method === "GET" && path === "/v1/models") {
      const data = llm.models.map((model) => ({ object: "model", owned_by: "tests", ...model }));
      sendJson(response, 200, { object: "list", data });
      return;
    }
    if (request.method !== "POST" || path !== "/v1/chat/completions") {
      sendJson(response, 404, { error: { message: `no route ${path}`, type: "invalid_request_error", code: null } });
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as ChatRequest;
    const closed = Promise.withResolvers<undefined>();
    const seen: SeenRequest = { headers: request.headers, body, abandoned: false, closed: closed.promise };
    response.on("close", () => {
      seen.abandoned = !response.writableFinished;
      closed.resolve(undefined);
    });
    const index = requests.push(seen) - 1;
    wake.resolve(undefined);
    wake = Promise.withResolvers();
    const answer = scripted.shift() ??
      make?.(body, index) ?? { status: 500, error: { message: "the script of the test is over" } };
    await sendAnswer(response, body, answer);
  }

  server.listen(options.socketPath ?? { port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const port = options.socketPath === undefined ? (server.address() as AddressInfo).port : 0;

  const llm: LlmServer = {
    url: options.socketPath === undefined ? `http://127.0.0.1:${port}/v1` : "http://localhost/v1",
    port,
    requests,
    models: [{ id: "scripted", context_window: 128_000, max_output_tokens: 8_000 }],
    script: (...answers) => void scripted.push(...answers),
    respond: (maker) => (make = maker),
    async seen(count) {
      while (requests.length < count) await wake.promise;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return llm;
}
