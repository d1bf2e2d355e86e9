import type { Readable } from "node:stream";
import { Agent, type Dispatcher } from "undici";
import { z } from "zod";
import type { CallGrant } from "../../../contracts/tool-call.ts";
import { signCallGrant } from "../../runtime/task-token.ts";
import { NoWorkerError, WorkerLostError, WorkerRefusalError } from "./errors.ts";
import type { WorkerDirectory } from "./worker-directory.ts";

export interface WorkerRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path and query at the worker. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  /** Ends the call, at the worker too. */
  readonly signal: AbortSignal;
}

/** A worker gives signs of life until its answer begins (102 Processing); one that is stopped says nothing at all. */
const SILENCE_MS = 15_000;
/** It hears of an upload with the first byte: as long as the API waits for bytes, and a little. */
const UPLOAD_SILENCE_MS = 135_000;
/** Connections to one worker at once. */
const MAX_CONNECTIONS = 512;

const Refusal = z.object({
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
  status: z.int(),
  retryAfterSeconds: z.number().optional(),
});

/** Calls workers, each over connections that are kept. Nothing of a request or an answer is kept here. */
export class WorkerClient {
  readonly #directory: Pick<WorkerDirectory, "for" | "forget">;
  readonly #key: Uint8Array;
  readonly #silenceMs: number;
  readonly #agent = new Agent({
    connections: MAX_CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    connect: { timeout: 2_000 },
    bodyTimeout: 0, // a command may be silent for as long as it runs
  });

  constructor(deps: {
    readonly directory: Pick<WorkerDirectory, "for" | "forget">;
    readonly grantKey: Uint8Array;
    /** A worker that says nothing for so long is lost. @default 15 s */
    readonly silenceMs?: number;
  }) {
    this.#silenceMs = deps.silenceMs ?? SILENCE_MS;
    this.#directory = deps.directory;
    this.#key = deps.grantKey;
  }

  /**
   * The worker's answer, which is a success; its body is for the caller to read. A worker that cannot be reached, or takes
   * no more, has begun nothing: the next one is asked.
   *
   * @throws NoWorkerError, WorkerLostError, WorkerRefusalError
   */
  async request(grant: CallGrant, request: WorkerRequest): Promise<Dispatcher.ResponseData> {
    const token = await signCallGrant(grant, this.#key);
    let last: unknown;
    for (const { url } of await this.#directory.for(grant.workspaceId)) {
      const unread = !(request.body instanceof Object) || !request.body.readableDidRead;
      if (!unread) break; // a body that was begun cannot be sent again
      try {
        const answer = await this.#agent.request({
          origin: url,
          method: request.method,
          path: request.path,
          headers: { ...request.headers, authorization: `Bearer ${token}` },
          body: request.body ?? null,
          signal: request.signal,
          headersTimeout: request.body instanceof Object ? UPLOAD_SILENCE_MS : this.#silenceMs,
        });
        if (answer.statusCode < 300) return answer;
        last = await refusalOf(answer);
      } catch (error) {
        request.signal.throwIfAborted();
        last = wasNotReached(error) ? new NoWorkerError(error) : new WorkerLostError(error);
      }
      if (!(last instanceof NoWorkerError) && !takesNoMore(last)) break;
      this.#directory.forget();
    }
    throw last instanceof Error ? last : new NoWorkerError(last);
  }

  /** Where a terminal of the workspace is opened, in the order in which to try, and what to say there. */
  async terminalAddresses(grant: CallGrant): Promise<{ readonly urls: string[]; readonly token: string }> {
    const [workers, token] = await Promise.all([
      this.#directory.for(grant.workspaceId),
      signCallGrant(grant, this.#key),
    ]);
    return { urls: workers.map(({ url }) => url.replace(/^http/, "ws")), token };
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

const takesNoMore = (error: unknown): boolean => error instanceof WorkerRefusalError && error.status === 503;

/** Codes of a connection that was never made: nothing of the call has begun. */
const NOT_REACHED = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);
export const wasNotReached = (error: unknown): boolean => NOT_REACHED.has(String((error as { code?: unknown }).code));

async function refusalOf(answer: Dispatcher.ResponseData): Promise<WorkerRefusalError | WorkerLostError> {
  return toRefusal(await answer.body.json().catch(() => undefined), answer.statusCode);
}

/** A worker's refusal as the API answers it. */
export function toRefusal(body: unknown, status: number): WorkerRefusalError | WorkerLostError {
  const parsed = Refusal.safeParse(body);
  if (!parsed.success) return new WorkerLostError(new Error(`the worker answered ${status}`));
  const { code, message, retryAfterSeconds, ...details } = parsed.data;
  return new WorkerRefusalError(code, message, {
    ...details,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
