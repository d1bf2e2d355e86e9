import { Transform, type Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import { ToolCallEvent } from "../../../contracts/tool-call.ts";
import { WorkerLostError, WorkerRefusalError } from "./errors.ts";

export type StreamKind = "text/event-stream" | "application/x-ndjson";

/** Between signs of life in a stream in which nothing happens: an SSE comment, or an empty line. */
const BEAT_MS = 15_000;

/** What of the answer's forms a caller wants; undefined for one JSON document. */
export function wantedStream(accept: string | undefined): StreamKind | undefined {
  const types = (accept ?? "").split(",").map((part) => part.split(";", 1)[0]?.trim().toLowerCase());
  return types.find((type): type is StreamKind => type === "text/event-stream" || type === "application/x-ndjson");
}

/** The last event of a worker's lines. @throws WorkerLostError when there is none, WorkerRefusalError when it is an error */
export async function readLastEvent(lines: Readable): Promise<Extract<ToolCallEvent, { type: "result" }>["result"]> {
  let text = "";
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of lines as AsyncIterable<Buffer>) chunks.push(chunk);
    text = Buffer.concat(chunks).toString("utf8");
  } catch (error) {
    throw new WorkerLostError(error);
  }
  const event = parseEvent(text.trimEnd().split("\n").at(-1) ?? "");
  if (event?.type === "result") return event.result;
  if (event?.type === "error") {
    const { code, message, remedy, status } = event.error;
    throw new WorkerRefusalError(code, message, { remedy, status });
  }
  throw new WorkerLostError(new Error("the worker's answer ended early"));
}

/** A worker's lines as the caller's stream, which always ends with a `result` or an `error`. */
export class CallStream extends Transform {
  readonly #kind: StreamKind;
  readonly #atEnd: (outcome: string) => Promise<void>;
  readonly #decoder = new StringDecoder("utf8");
  readonly #beat: NodeJS.Timeout;
  #rest = "";
  /** The last event on its way out; nothing comes after it. */
  #ending: Promise<void> | undefined;

  /** `atEnd` is told how the call ended, and its reader after that: what it does cannot be missing from the record. */
  constructor(kind: StreamKind, lines: Readable, atEnd: (outcome: string) => Promise<void>) {
    super({ highWaterMark: 65_536 });
    this.#kind = kind;
    this.#atEnd = atEnd;
    lines.on("error", (error) => this.#lose(error));
    lines.on("close", () => this.#lose(undefined));
    this.once("close", () => {
      clearInterval(this.#beat);
      lines.destroy();
      // Its reader has left: there is nobody to be told of an error.
      this.#ending ??= atEnd("CALLER_LEFT").catch(() => undefined);
    });
    this.#beat = setInterval(() => {
      if (this.readableLength === 0 && this.#ending === undefined)
        this.push(kind === "text/event-stream" ? ": working\n\n" : "\n");
    }, BEAT_MS).unref();
    lines.pipe(this);
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#say(line);
    done();
  }

  override _flush(done: () => void): void {
    this.#lose(undefined);
    void this.#ending?.then(() => done());
  }

  #say(line: string): void {
    if (line === "" || this.#ending !== undefined) return;
    const push = () => void this.push(this.#kind === "text/event-stream" ? `data: ${line}\n\n` : `${line}\n`);
    const isLast = line.startsWith('{"type":"result"') || line.startsWith('{"type":"error"');
    if (!isLast) push();
    else
      this.#ending = this.#atEnd(outcomeOf(parseEvent(line))).then(
        push,
        (error: unknown) => void this.destroy(error as Error),
      );
  }

  /** The worker has gone; who reads is told. */
  #lose(cause: unknown): void {
    if (this.#ending !== undefined || this.destroyed) return;
    const error = new WorkerLostError(cause);
    this.#say(JSON.stringify({ type: "error", error: { ...error.toTaskError(), status: error.status } }));
    if (!this.writableEnded) this.end();
  }
}

/** How a call ended, as the audit log has it. */
function outcomeOf(event: ToolCallEvent | undefined): string {
  if (event?.type === "error") return event.error.code;
  return event?.type === "result" ? (event.result.error?.code ?? "ok") : "UNKNOWN";
}

function parseEvent(line: string): ToolCallEvent | undefined {
  try {
    return ToolCallEvent.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
