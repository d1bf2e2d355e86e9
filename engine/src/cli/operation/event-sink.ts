import type { EngineEvent } from "../../model.ts";

/** Somewhere that the events of a command go. */
export interface EventSink {
  write(event: EngineEvent): void;
  /** Resolves when all that was written is there. */
  close(): Promise<void>;
}
