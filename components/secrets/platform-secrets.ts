import * as pulumi from "@pulumi/pulumi";
import type { CredentialKind } from "../../contracts/credential.ts";
import { restrictCredentialKeys } from "../../contracts/credential-keys.ts";
import { RandomSecret, type RandomSecretArgs } from "./random-secret.ts";

/** What the services of a platform authenticate with, and seal credentials with. */
export interface PlatformSecrets {
  readonly ownerPassword: pulumi.Output<string>;
  readonly apiPassword: pulumi.Output<string>;
  readonly workerPassword: pulumi.Output<string>;
  readonly gatewayPassword: pulumi.Output<string>;
  readonly adminToken: pulumi.Output<string>;
  readonly taskTokenKey: pulumi.Output<string>;
  /** Of all kinds of credentials; each service but the API gets those of its own kinds. */
  readonly credentialKeys: pulumi.Output<string>;
}

export interface PlatformSecretsArgs {
  /** Ids of the keys of credentials: the first encrypts, all decrypt. At least one. */
  readonly credentialKeys: readonly string[];
  /**
   * Where below the project's folder the key of that id is kept as well.
   * @default in the stack's state alone
   */
  readonly credentialKeyFile?: (id: string) => string;
}

/** Makes the random ones of a platform as RandomSecrets named `<name>-<what>`. */
export function platformSecrets(
  name: string,
  args: PlatformSecretsArgs,
  opts: pulumi.CustomResourceOptions,
): PlatformSecrets {
  const make = (what: string, secret: RandomSecretArgs) => new RandomSecret(`${name}-${what}`, secret, opts).value;
  const keys = args.credentialKeys.map((id) => {
    const file = args.credentialKeyFile?.(id);
    const key = make(`credential-key-${id}`, {
      bytes: 32,
      encoding: "base64",
      ...(file === undefined ? {} : { file }),
    });
    return pulumi.interpolate`${id}:${key}`;
  });
  return {
    ownerPassword: make("database-password", { bytes: 24, encoding: "hex" }),
    apiPassword: make("api-database-password", { bytes: 24, encoding: "hex" }),
    workerPassword: make("worker-database-password", { bytes: 24, encoding: "hex" }),
    gatewayPassword: make("gateway-database-password", { bytes: 24, encoding: "hex" }),
    adminToken: make("admin-token", { bytes: 32, encoding: "hex" }),
    taskTokenKey: make("task-token-key", { bytes: 32, encoding: "base64" }),
    credentialKeys: pulumi.all(keys).apply((all) => all.join(",")),
  };
}

/** The keys for credentials of these kinds alone. */
export const credentialKeysFor = (
  { credentialKeys }: Pick<PlatformSecrets, "credentialKeys">,
  kinds: readonly CredentialKind[],
): pulumi.Output<string> => credentialKeys.apply((keys) => restrictCredentialKeys(keys, kinds));
