import * as pulumi from "@pulumi/pulumi";
import { TASK_CREDENTIAL_KINDS } from "../../contracts/credential.ts";
import { credentialKeysFor, platformSecrets } from "../secrets/platform-secrets.ts";
import { RandomSecret } from "../secrets/random-secret.ts";
import type { PilotSecrets } from "./environments.ts";

export interface PilotSecretsArgs {
  /** Ids of the keys of credentials: the first encrypts, all decrypt. At least one. */
  readonly credentialKeys: readonly string[];
  /** Provider -> its key, as JSON; a secret. */
  readonly llmKeys: pulumi.Input<string>;
  /** JSON: what the tools authenticate with. */
  readonly toolSecrets: pulumi.Input<string>;
  /** JSON: what opens the store of backups, and their keys. */
  readonly backupSecrets: pulumi.Input<string>;
}

/** The secrets of a pilot: random ones, kept in the stack's state, and those that the stack was given. */
export function makePilotSecrets(
  name: string,
  args: PilotSecretsArgs,
  opts: pulumi.CustomResourceOptions,
): PilotSecrets<pulumi.Output<string>> {
  const { credentialKeys } = args;
  const platform = platformSecrets(name, { credentialKeys }, opts);
  const password = (what: string) =>
    new RandomSecret(`${name}-${what}-password`, { bytes: 24, encoding: "hex" }, opts).value;
  return {
    superuserPassword: password("postgres"),
    ownerPassword: platform.ownerPassword,
    apiPassword: platform.apiPassword,
    workerPassword: platform.workerPassword,
    gatewayPassword: platform.gatewayPassword,
    redisPassword: password("redis"),
    adminToken: platform.adminToken,
    taskTokenKey: platform.taskTokenKey,
    apiCredentialKeys: platform.credentialKeys,
    workerCredentialKeys: credentialKeysFor(platform, TASK_CREDENTIAL_KINDS),
    gatewayCredentialKeys: credentialKeysFor(platform, ["git_https"]),
    llmKeys: pulumi.secret(args.llmKeys),
    toolSecrets: pulumi.secret(args.toolSecrets),
    backupSecrets: pulumi.secret(args.backupSecrets),
  };
}
