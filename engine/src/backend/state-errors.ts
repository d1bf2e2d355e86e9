/** What can be wrong with a state store and with the state in it. */
import { EngineError } from "./errors.ts";

export class StateCorruptError extends EngineError {
  /** @param good The newest checkpoint that can be used. */
  constructor(file: string, good: string | undefined, reason: string, cause?: unknown) {
    super("STATE_CORRUPT", `the state file ${file} cannot be used: ${reason}`, {
      remedy:
        good === undefined
          ? "There is no checkpoint of it that can be used; `stack import` puts an exported state in its place."
          : `The last good checkpoint is ${good}; copy it over the state file to go back to it.`,
      cause,
    });
  }
}

export class StateWriteError extends EngineError {
  constructor(file: string, cause: unknown) {
    super("STATE_WRITE", `could not write the state file ${file}: ${cause instanceof Error ? cause.message : ""}`, {
      remedy: "What was done since the last checkpoint is not on record: make room, then run `pulumi refresh`.",
      cause,
    });
  }
}

export class StateIntegrityError extends EngineError {
  constructor(where: string, reason: string) {
    super("STATE_INTEGRITY", `snapshot integrity failure in ${where}; refusing to use it: ${reason}`, {
      remedy: "Correct an exported copy (`stack export`) and bring it back with `stack import`.",
    });
  }
}

export class StateVersionError extends EngineError {
  constructor(where: string, version: unknown, features: readonly string[] = []) {
    const what = features.length > 0 ? ` with the features ${features.join(", ")}` : "";
    super("STATE_VERSION", `${where} has deployment version ${String(version)}${what}; this engine knows version 3`);
  }
}

/** The bucket did not do what it was asked. */
export class StateStoreError extends EngineError {
  constructor(where: string, verb: string, cause: unknown) {
    const { name, message } = cause instanceof Error ? cause : { name: "Error", message: String(cause) };
    super("STATE_STORE", `could not ${verb} ${where}: ${message === "" ? name : `${name}: ${message}`}`, {
      remedy: "Check the URL of the state store, that the bucket is there, and the AWS credentials and their rights.",
      cause,
    });
  }
}
