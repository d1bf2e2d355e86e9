import { EgressRefusedError } from "../refusals.ts";
import { type EgressTarget, formatTarget } from "../target.ts";
import { HTTPS_PORT } from "./git-path.ts";

export class GitCredentialMissingError extends EgressRefusedError {
  constructor(workspaceId: string, target: EgressTarget) {
    super(
      "GIT_CREDENTIAL_MISSING",
      `workspace ${workspaceId} has no git credential for ${formatTarget(target, HTTPS_PORT)}`,
      {
        remedy:
          "Set one of kind git_https with `automatos workspace credentials set`, or start a new task once it is removed.",
        status: 403,
      },
    );
  }
}

export class GitCredentialRefusedError extends EgressRefusedError {
  constructor(target: EgressTarget, name: string) {
    super("GIT_CREDENTIAL_REFUSED", `${formatTarget(target, HTTPS_PORT)} does not accept the credential ${name}`, {
      remedy: "Set its token anew, with the right to this repository.",
      status: 403,
    });
  }
}

export class GitRedirectRefusedError extends EgressRefusedError {
  constructor(target: EgressTarget) {
    super("GIT_REDIRECT_REFUSED", `${formatTarget(target, HTTPS_PORT)} sends git to another server`, {
      remedy: "Use the repository's present URL.",
      status: 502,
    });
  }
}

export class GitCredentialsUnavailableError extends EgressRefusedError {
  constructor(cause: unknown) {
    super("GIT_CREDENTIALS_UNAVAILABLE", "the workspace's git credentials cannot be read at present", {
      remedy: "Try again in some seconds; if it lasts, look at the gateway's log.",
      status: 503,
      cause,
      retryAfterSeconds: 5,
    });
  }
}
