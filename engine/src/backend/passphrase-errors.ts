/** What can be wrong with a passphrase and the salt it goes with. */
import { EngineError } from "./errors.ts";

export class PassphraseMissingError extends EngineError {
  constructor() {
    super(
      "PASSPHRASE_MISSING",
      "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
    );
  }
}

export class WrongPassphraseError extends EngineError {
  constructor(where: string) {
    super("WRONG_PASSPHRASE", `incorrect passphrase for ${where}`, {
      remedy:
        "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE to the one that encrypted it. " +
        "If it is that one, the encryption salt was changed: bring it back as it was.",
    });
  }
}

/** No passphrase can help: the salt itself is damaged. */
export class SaltInvalidError extends EngineError {
  constructor(where: string) {
    super("SALT_INVALID", `the encryption salt of ${where} is damaged: it is not v1:<salt>:v1:<nonce>:<ciphertext>`, {
      remedy: "Bring it back from version control or a backup: no other salt opens what was encrypted with it.",
    });
  }
}
