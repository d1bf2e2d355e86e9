/** What can be wrong with a policy pack, before it checks anything. */
import { DeploymentError } from "../errors.ts";

export class PolicyPackMissingError extends DeploymentError {
  constructor(folder: string) {
    super(
      "POLICY_PACK_MISSING",
      `policy pack not found at ${JSON.stringify(folder)}: there is no PulumiPolicy.yaml`,
      "Name the folder that holds it: --policy-pack <folder>.",
    );
  }
}

export class PolicyPackInvalidError extends DeploymentError {
  constructor(file: string, reason: string, options?: ErrorOptions) {
    super("POLICY_PACK_INVALID", `could not use ${file}: ${reason}`, "Correct the file.", options);
  }
}

export class PolicyDependenciesError extends DeploymentError {
  constructor(folder: string, missing: string, options?: ErrorOptions) {
    super(
      "POLICY_DEPENDENCIES_MISSING",
      `it looks like the policy pack's dependencies are not installed: ${missing} was not found from ${JSON.stringify(folder)}`,
      `Run \`npm install\` in ${JSON.stringify(folder)}.`,
      options,
    );
  }
}

export class PolicyPackStartError extends DeploymentError {
  /** @param said What it printed. */
  constructor(folder: string, reason: string, said: readonly string[]) {
    const words = said.length === 0 ? "it said nothing" : `it said:\n${said.join("\n").trimEnd()}\n`;
    super(
      "POLICY_PACK_START_FAILED",
      `policy pack ${JSON.stringify(folder)} failed to start: it ended with ${reason}; ${words}`,
      "Mend the pack; nothing was changed.",
    );
  }
}

/** @param problems One a line, as `<policy>: <property>: <what is wrong>`. */
export class PolicyConfigError extends DeploymentError {
  constructor(pack: string, problems: readonly string[]) {
    super(
      "POLICY_CONFIG_INVALID",
      problems.map((problem) => `validating policy config: ${pack}  ${problem}`).join("\n"),
      "Correct the file that --policy-pack-config names, or what the pack itself sets.",
    );
  }
}

export class PolicyConfigFileError extends DeploymentError {
  constructor(file: string, reason: string, options?: ErrorOptions) {
    super(
      "POLICY_CONFIG_FILE",
      `could not use the policy config ${file}: ${reason}`,
      'It is a JSON object: "all" or the name of a policy, to an enforcement level or to an object of properties.',
      options,
    );
  }
}

/** A policy could not say whether a resource is right: nothing that waits for it goes on. */
export class PolicyRunError extends Error {
  /** @param doing As `run policy`. */
  constructor(doing: string, pack: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`failed to ${doing} (policy pack ${pack}): ${reason}`, { cause });
    this.name = "PolicyRunError";
  }
}
