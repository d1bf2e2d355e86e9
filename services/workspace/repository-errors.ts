import { PlatformError } from "../../contracts/errors.ts";

export class RepositoryUrlRefusedError extends PlatformError {
  constructor(reason: string) {
    super("REPOSITORY_URL_REFUSED", `the repository's URL ${reason}`, {
      remedy: "Give an http:// or https:// URL without credentials.",
      status: 422,
    });
  }
}

export class RepositoryUnreachableError extends PlatformError {
  constructor(workspaceId: string, url: string, gitSays: string) {
    super("REPOSITORY_UNREACHABLE", `git could not read ${url}: ${gitSays}`, {
      remedy: `Check the URL, and that the workspace may reach it: \`automatos workspace egress add ${workspaceId} ${new URL(url).host}\`.`,
      status: 502,
    });
  }
}

export class RepositoryRefNotFoundError extends PlatformError {
  constructor(url: string, ref: string | undefined) {
    super(
      "REPOSITORY_REF_NOT_FOUND",
      ref === undefined ? `${url} has no default branch` : `${url} has no branch, tag or commit ${ref}`,
      { remedy: "List the branches and tags with `git ls-remote`, and give one of them as `ref`.", status: 422 },
    );
  }
}

export class RepositoryCheckoutFailedError extends PlatformError {
  constructor(name: string, gitSays: string) {
    super("REPOSITORY_CHECKOUT_FAILED", `repos/${name} could not be checked out: ${gitSays}`, {
      remedy: "Look at git's message; give the task more memory or disk if it ran out of one.",
      status: 500,
    });
  }
}

export class RepositoryNotFoundError extends PlatformError {
  constructor(name: string) {
    super("REPOSITORY_NOT_FOUND", `repos/${name} does not exist`, {
      remedy: "List what is cached with `automatos workspace repos`.",
      status: 404,
    });
  }
}

export class RepositoryInUseError extends PlatformError {
  constructor(name: string, taskId: string) {
    super("REPOSITORY_IN_USE", `repos/${name} is in use by task ${taskId}`, {
      remedy: "Wait until the task has ended, or cancel it.",
      status: 409,
    });
  }
}

export class RepositoryLockLostError extends PlatformError {
  constructor(cause: unknown) {
    super("REPOSITORY_LOCK_LOST", "the connection to the database that holds the repository's lock was lost", {
      remedy: "Submit the task again; nothing half-done stays behind.",
      status: 503,
      cause,
    });
  }
}
