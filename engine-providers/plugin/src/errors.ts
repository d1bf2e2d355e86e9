import type { PropertyMap } from "@automatos/engine/property";

/**
 * The resource is there, but it did not come to health: it is kept in the state with the reasons, and the next update
 * tries again.
 */
export class InitializationFailedError extends Error {
  override readonly name = "InitializationFailedError";
  readonly id: string;
  readonly outputs: PropertyMap;
  readonly inputs: PropertyMap;
  readonly reasons: readonly string[];

  constructor(failure: { id: string; outputs: PropertyMap; inputs: PropertyMap; reasons: readonly string[] }) {
    super(`resource ${failure.id} was made but is not healthy: ${failure.reasons.join("; ")}`);
    this.id = failure.id;
    this.outputs = failure.outputs;
    this.inputs = failure.inputs;
    this.reasons = failure.reasons;
  }
}

/** The package has no such resource type or function. */
export class UnknownTokenError extends Error {
  override readonly name = "UnknownTokenError";

  constructor(kind: "resource type" | "function", token: string, remedy: string) {
    super(`this provider has no ${kind} ${token}. ${remedy}`);
  }
}
