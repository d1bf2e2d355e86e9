import type { DiagnosticOptions, EventSink, Severity } from "./events.ts";

/** What the engine has to say besides its steps. */
export class Diagnostics {
  readonly #events: EventSink;
  constructor(events: EventSink) {
    this.#events = events;
  }
  error(urn: string, message: string): void {
    this.#events.diagnostic("error", urn, message);
  }
  warning(urn: string, message: string): void {
    this.#events.diagnostic("warning", urn, message);
  }
  info(urn: string, message: string): void {
    this.#events.diagnostic("info", urn, message);
  }
  log(severity: Severity, urn: string, message: string, options?: DiagnosticOptions): void {
    this.#events.diagnostic(severity, urn, message, options);
  }
}
