import { PlatformError } from "../../../contracts/errors.ts";
import type { QuotaKind } from "../../../contracts/workspace-quota.ts";

/** The volume cannot do the kind that was asked for. */
export class QuotaKindUnavailableError extends PlatformError {
  readonly reason: string;

  constructor(kind: QuotaKind, reason: string, remedy: string) {
    super("QUOTA_KIND_UNAVAILABLE", `WORKSPACE_QUOTA=${kind} cannot be had: ${reason}`, { remedy, status: 503 });
    this.reason = reason;
  }
}

/** A program of the file system has failed. */
export class QuotaProgramError extends PlatformError {
  constructor(program: string, args: readonly string[], says: string, cause?: unknown) {
    super("QUOTA_PROGRAM_FAILED", `${[program, ...args].join(" ")} failed: ${says}`, {
      remedy: "Look at the volume of WORKSPACES_DIR: is it mounted with quotas, writable, and not full?",
      status: 503,
      cause,
    });
  }
}

export class WorkspaceVolumeMissingError extends PlatformError {
  constructor(workspaceId: string) {
    super("WORKSPACE_VOLUME_MISSING", `workspace ${workspaceId} has no volume mounted in its place`, {
      remedy: "Mount a volume at the workspace's folder below WORKSPACES_DIR, or set WORKSPACE_QUOTA to another kind.",
      status: 503,
    });
  }
}
