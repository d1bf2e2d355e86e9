import { PlatformError } from "../../../contracts/errors.ts";

export class CredentialNotFoundError extends PlatformError {
  constructor(names: readonly string[]) {
    super(
      "CREDENTIAL_NOT_FOUND",
      `the workspace has no credential ${names.join(", ")} of a kind that can be used here`,
      {
        remedy:
          "List them with `automatos workspace credentials ls`; set one with `automatos workspace credentials set`.",
        status: 404,
      },
    );
  }
}

export class CredentialKindConflictError extends PlatformError {
  constructor(name: string, kind: string) {
    super("CREDENTIAL_KIND_CONFLICT", `credential ${name} exists and is of kind ${kind}`, {
      remedy: "Choose another name, or remove the credential first.",
      status: 409,
    });
  }
}

export class TooManyCredentialsError extends PlatformError {
  constructor(workspaceId: string, limit: number) {
    super("TOO_MANY_CREDENTIALS", `workspace ${workspaceId} has its ${limit} credentials`, {
      remedy: "Remove some that nothing uses with `automatos workspace credentials rm`.",
      status: 409,
    });
  }
}

export class CredentialKeyMissingError extends PlatformError {
  constructor(name: string, keyId: string) {
    super(
      "CREDENTIAL_KEY_MISSING",
      `credential ${name} is encrypted with key ${keyId}, which this service does not have`,
      {
        remedy: "Put the key back into CREDENTIAL_KEYS, or set the credential's value again.",
        status: 500,
      },
    );
  }
}

export class CredentialUnreadableError extends PlatformError {
  constructor(name: string) {
    super("CREDENTIAL_UNREADABLE", `the record of credential ${name} is damaged, or was put in another's place`, {
      remedy: "Set the credential's value again, and find out who changed the record.",
      status: 500,
    });
  }
}
