import type { ServerResponse } from "node:http";
import type { ToolCallEvent } from "../../../contracts/tool-call.ts";

/** The events of a call as lines of JSON. A reader who takes nothing holds the writer back. */
export class EventLines {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** A promise, pending while the reader is behind; undefined when more can be written at once. */
  write(event: ToolCallEvent): Promise<void> | undefined {
    const response = this.#response;
    if (response.destroyed || response.write(`${JSON.stringify(event)}\n`)) return undefined;
    return new Promise((resolve) => {
      const done = () => {
        response.off("drain", done).off("close", done);
        resolve();
      };
      response.once("drain", done).once("close", done);
    });
  }

  end(event: ToolCallEvent): void {
    if (!this.#response.destroyed) this.#response.end(`${JSON.stringify(event)}\n`);
  }
}
