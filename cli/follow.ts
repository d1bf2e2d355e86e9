import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import { isPassing, type ApiClient } from "./api-client.ts";
import { ApiUnreachableError, UnexpectedAnswerError } from "./errors.ts";
import { parseEvents } from "./server-sent-events.ts";

export interface FollowOptions<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** The path of the stream. */
  readonly path: string;
  /** The number after which to begin. @default 0: all */
  readonly after?: number;
  /** The stream is over with this item; one that ends before is taken up again. */
  readonly isLast: (item: z.output<Schema>) => boolean;
  readonly signal?: AbortSignal;
  /** Told once for each loss of the connection. */
  readonly onReconnect?: () => void;
  /**
   * Milliseconds without a sign of life after which the connection is given up.
   * @default 45_000: three of the API's heartbeats
   */
  readonly silenceMs?: number;
  /**
   * Milliseconds for which the API may be away before following it is given up.
   * @default 60_000
   */
  readonly patienceMs?: number;
}

const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 4_000;

/** The items of a stream of the API, none twice and none left out, whatever connections are lost on the way. */
export async function* follow<Schema extends z.ZodType>(
  client: ApiClient,
  options: FollowOptions<Schema>,
): AsyncGenerator<z.output<Schema>> {
  const { silenceMs = 45_000, patienceMs = 60_000 } = options;
  let after = options.after ?? 0;
  let pause = FIRST_PAUSE_MS;
  let lastSign = performance.now();
  for (;;) {
    const silence = new Watchdog(silenceMs, options.signal);
    try {
      const response = await client.fetch("GET", options.path, {
        headers: { accept: "text/event-stream", ...(after === 0 ? {} : { "last-event-id": String(after) }) },
        signal: silence.signal,
        repeatable: false,
      });
      if (response.status === 204 || response.body === null) return;
      for await (const event of parseEvents(alive(response.body, silence))) {
        lastSign = performance.now();
        pause = FIRST_PAUSE_MS;
        if (event === "comment") continue;
        const item = parseItem(options, event.data);
        after = Number(event.id ?? after);
        yield item;
        if (options.isLast(item)) return;
      }
    } catch (error) {
      if (options.signal?.aborted === true) return;
      const lost = isPassing(error) || isConnectionLoss(error) || silence.signal.aborted;
      if (!lost) throw error;
      if (performance.now() - lastSign > patienceMs) throw new ApiUnreachableError(client.apiUrl, error);
    } finally {
      silence.stop();
    }
    if (options.signal?.aborted === true) return;
    if (pause === FIRST_PAUSE_MS) options.onReconnect?.();
    await delay(pause, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(
      () => undefined,
    );
    pause = Math.min(pause * 2, LAST_PAUSE_MS);
  }
}

function parseItem<Schema extends z.ZodType>({ schema, path }: FollowOptions<Schema>, data: string): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch (error) {
    throw new UnexpectedAnswerError(path, error);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw new UnexpectedAnswerError(path, parsed.error);
  return parsed.data;
}

/** fetch reports a body that broke off as a TypeError ("terminated"). */
const isConnectionLoss = (error: unknown): boolean =>
  error instanceof TypeError || (error instanceof Error && error.name === "AbortError");

/** Aborts when nothing was heard for a time: a connection whose other end has vanished says nothing at all. */
class Watchdog {
  readonly #controller = new AbortController();
  readonly #milliseconds: number;
  readonly signal: AbortSignal;
  #timer: NodeJS.Timeout | undefined;

  constructor(milliseconds: number, outer: AbortSignal | undefined) {
    this.#milliseconds = milliseconds;
    this.signal = outer === undefined ? this.#controller.signal : AbortSignal.any([outer, this.#controller.signal]);
    this.feed();
  }

  feed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), this.#milliseconds);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#controller.abort(); // also lets go of the connection when the reader leaves early
  }
}

async function* alive(body: AsyncIterable<Uint8Array>, watchdog: Watchdog): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    watchdog.feed();
    yield chunk;
  }
}
