/** `--event-log`: every event of a command as one line of JSON. */
import { closeSync, openSync, writeSync } from "node:fs";
import { EngineError } from "../../backend/errors.ts";
import type { EngineEvent } from "../../model.ts";

export interface EventLog {
  write(event: EngineEvent): void;
  close(): void;
}

/** @throws EngineError when the file cannot be written. */
export function openEventLog(file: string | undefined): EventLog {
  if (file === undefined) return { write: () => undefined, close: () => undefined };
  let descriptor: number;
  try {
    descriptor = openSync(file, "w");
  } catch (cause) {
    throw new EngineError("EVENT_LOG", `could not open the event log ${file}`, { cause });
  }
  return {
    // synchronous: who follows the file must find the last events of a process that ends
    write: (event) => void writeSync(descriptor, `${JSON.stringify(event)}\n`),
    close: () => closeSync(descriptor),
  };
}
