import type { IncomingMessage } from "node:http";
import { LlmRateLimitedError, LlmRequestInvalidError, LlmRequestTooLargeError } from "./errors.ts";
import type { LlmLimits } from "./limits.ts";

/** Reads bodies, and counts what is held of them: all tasks together cannot take more of the gateway's memory. */
export class RequestBodies {
  readonly #limits: LlmLimits;
  #heldBytes = 0;

  constructor(limits: LlmLimits) {
    this.#limits = limits;
  }

  /**
   * The whole body, and how to let go of it.
   *
   * @throws LlmRequestTooLargeError, LlmRateLimitedError, LlmRequestInvalidError, and the signal's reason when it fires
   */
  async read(
    request: IncomingMessage,
    signal: AbortSignal,
  ): Promise<{ readonly body: Buffer; readonly release: () => void }> {
    const { maxRequestBytes, requestTimeoutMs } = this.#limits;
    const coding = request.headers["content-encoding"];
    if (coding !== undefined && coding !== "identity") {
      throw new LlmRequestInvalidError("the request's body has a content coding, which is not taken");
    }
    if (Number(request.headers["content-length"] ?? 0) > maxRequestBytes)
      throw new LlmRequestTooLargeError(maxRequestBytes);
    const chunks: Buffer[] = [];
    let held = 0;
    let released = false;
    const release = () => {
      if (!released) this.#heldBytes -= held;
      released = true;
    };
    const deadline = AbortSignal.timeout(requestTimeoutMs);
    const either = AbortSignal.any([signal, deadline]);
    const cut = () => request.destroy();
    either.addEventListener("abort", cut, { once: true });
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        held += chunk.length;
        this.#heldBytes += chunk.length;
        if (held > maxRequestBytes) throw new LlmRequestTooLargeError(maxRequestBytes);
        if (this.#heldBytes > this.#limits.maxBufferedBytes) {
          throw new LlmRateLimitedError("the gateway holds too many large requests at once", 2);
        }
        chunks.push(chunk);
      }
      return { body: Buffer.concat(chunks), release };
    } catch (error) {
      release();
      signal.throwIfAborted();
      throw error;
    } finally {
      either.removeEventListener("abort", cut);
    }
  }
}
