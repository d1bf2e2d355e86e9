import { once } from "node:events";
import { PassThrough } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { scopeOf } from "./access.ts";
import { TooManyStreamsError, TooManyWorkspaceStreamsError } from "./errors.ts";
import { cutOffWhenStalled } from "./stalled-clients.ts";

export interface EventStreamsOptions {
  /**
   * Milliseconds between comments that keep proxies from closing an idle stream.
   * @default 15_000
   */
  readonly heartbeatMs?: number;
  /**
   * Milliseconds after which a client that takes nothing of what waits for it is cut off.
   * @default 60_000
   */
  readonly stalledClientMs?: number;
  /**
   * Streams served at once by this process; one more is answered with 503.
   * @default 1_000
   */
  readonly maxStreams?: number;
  /**
   * Streams served at once to the tokens of one workspace; one more is answered with 429. Administrators have no share.
   * @default 100
   */
  readonly maxStreamsPerWorkspace?: number;
}

/** What a stream is made of. */
export interface StreamSource<Item> {
  readonly mediaType: "text/event-stream" | "text/plain; charset=utf-8";
  /** Opens the source; it must end when the signal fires. `comment` says what is no item, to readers of events. */
  readonly open: (signal: AbortSignal, comment: (text: string) => void) => AsyncIterable<Item>;
  /** The bytes of an item, `""` for none. */
  readonly encode: (item: Item) => string;
}

/** Bytes kept for a client that reads slower than the source speaks. The source is asked for more only below this. */
const BUFFER_BYTES = 65_536;
/** What is gathered at most before it is written. */
const GATHERED_CHARS = 16_384;

/** The long answers of this process: counted, bounded in memory, and ended together at shutdown. */
export class EventStreams {
  readonly #heartbeatMs: number;
  readonly #stalledClientMs: number;
  readonly #maxStreams: number;
  readonly #maxStreamsPerWorkspace: number;
  /** Each stream, and the workspace to whose tokens it is served; undefined for an administrator's. */
  readonly #open = new Map<AbortController, string | undefined>();
  readonly #closing = new AbortController();

  constructor(options: EventStreamsOptions = {}) {
    this.#heartbeatMs = options.heartbeatMs ?? 15_000;
    this.#stalledClientMs = options.stalledClientMs ?? 60_000;
    this.#maxStreams = options.maxStreams ?? 1_000;
    this.#maxStreamsPerWorkspace = options.maxStreamsPerWorkspace ?? 100;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Fires at shutdown: for whatever else waits long, such as `?wait=`. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Ends every stream; clients come back with `Last-Event-ID`. */
  close(): void {
    this.#closing.abort();
    for (const controller of this.#open.keys()) controller.abort();
  }

  /** Answers with the source, item by item, until it ends, the client leaves or the process stops. */
  async send<Item>(request: FastifyRequest, reply: FastifyReply, source: StreamSource<Item>): Promise<FastifyReply> {
    const workspaceId = scopeOf(request);
    this.#requireRoom(workspaceId);
    const controller = new AbortController();
    this.#open.set(controller, workspaceId);
    if (this.#closing.signal.aborted) controller.abort();

    const out = new PassThrough({ highWaterMark: BUFFER_BYTES });
    cutOffWhenStalled(request, reply, this.#stalledClientMs);
    out.once("close", () => {
      controller.abort();
      this.#open.delete(controller);
    });
    reply.raw.once("close", () => out.destroy());

    const isSse = source.mediaType === "text/event-stream";
    const beat = isSse ? this.#keepAlive(out) : undefined;
    void pump(source, out, controller.signal)
      .then(() => out.end())
      .catch((error: unknown) => {
        request.log.error({ event: "stream_failed", err: error }, "stream failed");
        out.destroy();
      })
      .finally(() => {
        clearInterval(beat);
        controller.abort();
      });
    if (isSse) void reply.header("x-accel-buffering", "no");
    return reply.code(200).type(source.mediaType).send(out);
  }

  #requireRoom(workspaceId: string | undefined): void {
    if (this.#open.size >= this.#maxStreams) throw new TooManyStreamsError(this.#maxStreams);
    if (workspaceId === undefined) return;
    const own = [...this.#open.values()].filter((holder) => holder === workspaceId).length;
    if (own >= this.#maxStreamsPerWorkspace) throw new TooManyWorkspaceStreamsError(this.#maxStreamsPerWorkspace);
  }

  #keepAlive(out: PassThrough): NodeJS.Timeout {
    out.write(": connected\n\n"); // sends the headers at once
    const beat = setInterval(() => {
      if (out.writableLength === 0 && out.writable) out.write(": heartbeat\n\n");
    }, this.#heartbeatMs);
    return beat.unref();
  }
}

async function pump<Item>(source: StreamSource<Item>, out: PassThrough, signal: AbortSignal): Promise<void> {
  const gathered = new Gathered(out);
  try {
    const comment = (text: string): void => {
      if (source.mediaType === "text/event-stream") gathered.add(`: ${text}\n\n`);
    };
    for await (const item of source.open(signal, comment)) {
      if (signal.aborted) return;
      gathered.add(source.encode(item));
      if (out.writableNeedDrain) await once(out, "drain", { signal });
    }
    gathered.write();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** What comes in one turn is written at once: to each of many readers, a page of items is one piece, not hundreds. */
class Gathered {
  readonly #out: PassThrough;
  #text = "";
  #planned: NodeJS.Immediate | undefined;

  constructor(out: PassThrough) {
    this.#out = out;
  }

  add(text: string): void {
    if (text === "") return;
    this.#text += text;
    if (this.#text.length >= GATHERED_CHARS) this.write();
    else this.#planned ??= setImmediate(() => this.write());
  }

  write(): void {
    clearImmediate(this.#planned);
    this.#planned = undefined;
    if (this.#text !== "" && this.#out.writable) this.#out.write(this.#text);
    this.#text = "";
  }
}

/** One server-sent event; its id is what the client gives back as `Last-Event-ID`. */
export const sseEvent = (id: number, data: unknown): string => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
