import { StepNotResolvableError } from "./errors.ts";

/** The most that a step's task, a condition or an output becomes, as JSON, once its references are replaced. */
export const MAX_RESOLVED_BYTES = 2_097_152;

/**
 * How much may still be put in. A short reference may stand for much, and may be repeated: what it comes to is counted
 * before any of it is made, so that no recipe takes more memory or time than its limit is worth.
 */
export class Allowance {
  #taken = 0;

  /** @throws StepNotResolvableError when it comes to more than MAX_RESOLVED_BYTES */
  take(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken <= MAX_RESOLVED_BYTES) return;
    throw new StepNotResolvableError(
      "VALUE_TOO_LARGE",
      `what is handed on is more than ${MAX_RESOLVED_BYTES} bytes of JSON, which is the most`,
      "Hand large values on in files of the workspace, refer to each once, and depend on fewer steps at once.",
    );
  }
}
