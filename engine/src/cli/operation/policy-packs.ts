/** `--policy-pack` and its like: on the command line, and as the engine takes them. */
import type { Command } from "commander";
import { exitCodes, UsageError } from "../../backend/errors.ts";
import type { PolicyPackRequest } from "../../model.ts";
import { collectList } from "../verbs/common-flags.ts";

export interface PolicyPackOptions {
  readonly policyPack?: readonly string[];
  readonly policyPackConfig?: readonly string[];
  readonly showPolicyRemediations?: boolean;
}

/** Of `preview` and `up` alone, as in Pulumi. */
export function policyPackFlags(command: Command): Command {
  return command
    .option("--policy-pack <path>", "check every resource against this policy pack; may be repeated", collectList)
    .option(
      "--policy-pack-config <file>",
      "JSON, for the --policy-pack of the same place; may be repeated",
      collectList,
    )
    .option("--show-policy-remediations", "each remediation by a policy, instead of a count");
}

/** @throws UsageError when there are not as many configs as packs. */
export function policyPacksOf(options: PolicyPackOptions): PolicyPackRequest[] {
  const { policyPack: paths = [], policyPackConfig: configs = [] } = options;
  if (configs.length > 0 && paths.length === 0)
    throw new UsageError('"--policy-pack-config" must be specified with "--policy-pack"', exitCodes.failure);
  if (configs.length > 0 && configs.length !== paths.length)
    throw new UsageError(
      'the number of "--policy-pack-config" flags must match the number of "--policy-pack" flags',
      exitCodes.failure,
    );
  return paths.map((path, index) => {
    const config = configs[index];
    return { path, ...(config !== undefined && { config }) };
  });
}
