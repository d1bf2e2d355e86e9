import type { ServerResponse } from "node:http";
import type { LlmTokens } from "../../../contracts/llm.ts";
import { errorBody, ProviderFailedError } from "./errors.ts";
import { eventData } from "./event-stream.ts";
import type { StreamedAnswer } from "./provider.ts";
import { UpstreamFailure } from "./upstream-failure.ts";
import { isError, readCompletion, readUsage, tokensOfCompletion, type Completion } from "./usage.ts";

const DONE = "[DONE]";

/** What became of a stream. */
export interface Relayed {
  readonly outcome: "completed" | "cut_off" | "client_left";
  /** As the provider counted them, where it did. */
  readonly usage: LlmTokens | undefined;
  /** Of what was passed on, by estimate. */
  readonly completionEstimate: number;
  /** Why it was cut off. */
  readonly failure?: UpstreamFailure;
}

/**
 * Passes a stream on, byte for byte, event for event. Held back is only the usage that nobody asked for: clients take
 * the first choice of every chunk, and that one has none. A stream that breaks off ends with an error in OpenAI's form,
 * which its clients throw: from the first byte on nobody else can be asked. Never rejects.
 */
export async function relayStream(
  answer: StreamedAnswer,
  response: ServerResponse,
  options: { readonly model: string; readonly wantsUsage: boolean; readonly signal: AbortSignal },
): Promise<Relayed> {
  const seen = { usage: undefined as LlmTokens | undefined, completionEstimate: 0, isWhole: false };
  const end = (outcome: Relayed["outcome"], failure?: UpstreamFailure): Relayed => {
    const { usage, completionEstimate } = seen;
    return { outcome, usage, completionEstimate, ...(failure && { failure }) };
  };
  try {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
    for await (const event of answer.events) {
      const data = eventData(event);
      const completion = data === undefined || data === DONE ? undefined : readCompletion(data);
      if (data !== undefined && completion === undefined && data !== DONE && isError(data)) {
        throw new UpstreamFailure("malformed");
      }
      if (completion !== undefined) {
        if (completion.error != null) throw new UpstreamFailure("malformed");
        note(seen, completion);
        if (!options.wantsUsage && completion.choices.length === 0 && seen.usage !== undefined) continue;
      }
      if (data === DONE) seen.isWhole = true;
      if (!response.write(event)) await drained(response, options.signal);
    }
    if (!seen.isWhole) throw new UpstreamFailure("connection");
    response.end();
    return end("completed");
  } catch (error) {
    if (options.signal.aborted) return end("client_left");
    const failure = error instanceof UpstreamFailure ? error : new UpstreamFailure("connection", { cause: error });
    const told = new ProviderFailedError(options.model, `the answer broke off (${failure.message})`, {});
    response.end(`data: ${errorBody(told)}\n\n`);
    return end("cut_off", failure);
  }
}

function note(
  seen: { usage: LlmTokens | undefined; completionEstimate: number; isWhole: boolean },
  completion: Completion,
): void {
  seen.completionEstimate += tokensOfCompletion(completion);
  // Some send it with every chunk: the last one counts.
  seen.usage = readUsage(completion.usage) ?? seen.usage;
  // Not all servers close with [DONE].
  if (completion.choices.some(({ finish_reason }) => finish_reason != null)) seen.isWhole = true;
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (settle: () => void) => () => {
      response.off("drain", go);
      signal.removeEventListener("abort", stop);
      settle();
    };
    const go = leave(resolve);
    const stop = leave(() => reject(signal.reason as Error));
    response.once("drain", go);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
