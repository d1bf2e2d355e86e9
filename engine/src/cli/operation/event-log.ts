/** `--event-log`: every event of a command as one line of JSON, in a file or to a server that asked for them. */
import { closeSync, openSync, writeSync } from "node:fs";
import { EngineError } from "../../backend/errors.ts";
import type { EventSink } from "./event-sink.ts";

const SERVER_SCHEME = "tcp://";

/**
 * @param place A file, or `tcp://<host:port>` of a server of Pulumi's Events service, as the Automation API has one.
 * @throws EngineError when the file cannot be written.
 */
export async function openEventLog(place: string | undefined, warn: (message: string) => void): Promise<EventSink> {
  if (place === undefined) return { write: () => undefined, close: () => Promise.resolve() };
  if (!place.startsWith(SERVER_SCHEME)) return openFile(place);
  const { openEventStream } = await import("./event-stream.ts");
  return openEventStream(place.slice(SERVER_SCHEME.length), warn);
}

function openFile(file: string): EventSink {
  let descriptor: number;
  try {
    descriptor = openSync(file, "w");
  } catch (cause) {
    throw new EngineError("EVENT_LOG", `could not open the event log ${file}`, { cause });
  }
  return {
    // synchronous: who follows the file must find the last events of a process that ends
    write: (event) => void writeSync(descriptor, `${JSON.stringify(event)}\n`),
    close: async () => closeSync(descriptor),
  };
}
