import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { type BackupConfig, BackupSecrets } from "../contracts/backup.ts";

/**
 * What opens the store of backups, and their keys, as JSON: secrets of the stack, set with
 * `npm run pulumi -- config set --secret --path automatos:backupSecrets.<name>`. `null` where backups are not configured.
 *
 * @throws pulumi.RunError, inside the output, as checkBackupSecrets.
 */
export function backupSecrets(
  backup: BackupConfig | undefined,
  config = new pulumi.Config("automatos"),
): pulumi.Output<string> {
  if (backup === undefined) return pulumi.secret("null");
  const given = config.getSecretObject<unknown>("backupSecrets") ?? pulumi.secret({});
  return given.apply((secrets) => {
    checkBackupSecrets(secrets);
    return JSON.stringify(secrets); // as it was given: parsed, its keys are bytes
  });
}

/** @throws pulumi.RunError for a secret that is none, is unknown or is missing; no value is in its message. */
export function checkBackupSecrets(given: unknown): void {
  const parsed = BackupSecrets.safeParse(given);
  if (parsed.success) return;
  throw new pulumi.RunError(
    `Pulumi.${pulumi.getStack()}.yaml, automatos:backupSecrets:\n${z.prettifyError(parsed.error)}\n` +
      "Set each with `npm run pulumi -- config set --secret --path automatos:backupSecrets.<name>`; " +
      "a key is made with `echo 1:$(openssl rand -base64 32)`. Keep it elsewhere as well: without it no backup opens.",
  );
}
