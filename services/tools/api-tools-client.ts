import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { PlatformError } from "../../contracts/errors.ts";
import { TaskToolAnswer, TaskToolList } from "../../contracts/task-tools.ts";
import { type ApiToolName, TOOLS, type ToolInput, type ToolName } from "../../contracts/tools.ts";
import type { ApiTools } from "../sandbox/tools/tool.ts";
import { ApiToolUnreachableError, ToolCancelledError } from "./tool-errors.ts";

export interface ApiToolsClientOptions {
  /** Of the API, e.g. `http://127.0.0.1:8080`. */
  readonly apiUrl: string;
  readonly taskId: string;
  /** The task's own token for the API. */
  readonly token: string;
  /** @default 5, which outlast an API that is started again */
  readonly maxRetries?: number;
  /** Before the first retry; each further one waits twice as long. @default 250 */
  readonly retryDelayMs?: number;
}

/** The longest that any tool may take (http_request, database_query), and some to answer. */
const CALL_TIMEOUT_MS = 150_000;
const LIST_TIMEOUT_MS = 5_000;
const MAX_RETRY_AFTER_SECONDS = 10;

/** Of an error: what RFC 9457 and the API's own words say. */
const Problem = z.object({ code: z.string(), detail: z.string(), remedy: z.string(), status: z.int() });

/** An error of a tool, as the API told it. */
class ToolProblemError extends PlatformError {}

/**
 * Calls the tools that run at the API, on behalf of one task. A call that certainly was not made is made again, and so is
 * one whose answer was lost where making it twice does no harm: searches, queries, and HTTP requests that only ask.
 */
export class ApiToolsClient implements ApiTools {
  readonly #options: ApiToolsClientOptions;

  constructor(options: ApiToolsClientOptions) {
    this.#options = options;
  }

  async call(
    name: ApiToolName,
    input: unknown,
    { callId, signal }: { readonly callId: string | undefined; readonly signal: AbortSignal },
  ): Promise<unknown> {
    const body = JSON.stringify({ input, ...(callId === undefined ? {} : { callId }) });
    const { maxRetries = 5, retryDelayMs = 250 } = this.#options;
    for (let retry = 0; ; retry++) {
      const answer = await this.#send(name, body, signal);
      if (answer.answered) return answer.output;
      const again = answer.made === "no" || (answer.made === "maybe" && isRepeatable(name, input));
      if (!again || retry === maxRetries) throw answer.error;
      await pause(answer.error, retryDelayMs * 2 ** retry, name, signal);
    }
  }

  /** The tools of the API that are not there for this task. None when the API cannot be asked: their calls then say why. */
  async notConfigured(signal: AbortSignal): Promise<ReadonlySet<ToolName>> {
    try {
      const response = await this.#fetch("tools", {
        signal: AbortSignal.any([signal, AbortSignal.timeout(LIST_TIMEOUT_MS)]),
      });
      const { tools } = TaskToolList.parse(await response.json());
      return new Set(tools.filter(({ configured }) => !configured).map(({ name }) => name));
    } catch {
      return new Set();
    }
  }

  async #send(name: ApiToolName, body: string, signal: AbortSignal): Promise<Sent> {
    const until = AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]);
    try {
      const response = await this.#fetch(`tools/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal: until,
      });
      const answer: unknown = await response.json();
      if (response.ok) return { answered: true, output: TaskToolAnswer.parse(answer).output };
      return refused(Problem.parse(answer), response.headers.get("retry-after"));
    } catch (cause) {
      if (signal.aborted) throw new ToolCancelledError(name);
      const made = neverArrived(cause) ? "no" : "maybe";
      return { answered: false, made, error: new ApiToolUnreachableError(name, made === "maybe", cause) };
    }
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    const { apiUrl, taskId, token } = this.#options;
    const headers = { ...(init.headers as Record<string, string> | undefined), authorization: `Bearer ${token}` };
    return fetch(`${apiUrl}/api/tasks/${taskId}/${path}`, { ...init, headers, redirect: "error" });
  }
}

/** An answer, or why there is none and whether the call has been made all the same. */
type Sent =
  | { readonly answered: true; readonly output: unknown }
  | { readonly answered: false; readonly made: "yes" | "no" | "maybe"; readonly error: PlatformError };

/** Refused before anything of the call was done; the same call may do later. */
const NOT_MADE = new Set(["TOOL_BUSY", "RECORD_UNAVAILABLE"]);

function refused({ code, detail, remedy, status }: z.infer<typeof Problem>, retryAfter: string | null): Sent {
  const seconds = Number(retryAfter ?? Number.NaN);
  const error = new ToolProblemError(code, detail, {
    remedy,
    status,
    ...(Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : {}),
  });
  return { answered: false, made: NOT_MADE.has(code) ? "no" : "yes", error };
}

async function pause(error: PlatformError, delayMs: number, name: ApiToolName, signal: AbortSignal): Promise<void> {
  const askedMs = Math.min(error.retryAfterSeconds ?? 0, MAX_RETRY_AFTER_SECONDS) * 1_000;
  const waitMs = Math.max(askedMs, delayMs) * (1 + Math.random() / 2);
  await delay(waitMs, undefined, { signal }).catch(() => {
    throw new ToolCancelledError(name);
  });
}

/** Whether a call that was made twice has done no more than one that was made once. */
function isRepeatable(name: ApiToolName, input: unknown): boolean {
  if (name === "http_request") return /^(GET|HEAD|OPTIONS)$/.test((input as ToolInput<"http_request">).method);
  return TOOLS[name].level === "safe" || name === "database_query";
}

const NEVER_ARRIVED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

function neverArrived(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  return NEVER_ARRIVED.has(String(cause?.code));
}
