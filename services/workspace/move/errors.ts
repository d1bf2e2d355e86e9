import { PlatformError } from "../../../contracts/errors.ts";
import type { MoveState } from "../../../contracts/workspace-move.ts";

export class MoveRefusedError extends PlatformError {
  constructor(step: string, state: Pick<MoveState, "workspaceId" | "state" | "moveId" | "peer">) {
    const { workspaceId, state: now, moveId, peer } = state;
    const move = moveId === null ? "" : `, of move ${moveId} with ${peer ?? "?"}`;
    super("MOVE_REFUSED", `workspace ${workspaceId} cannot ${step}: it is ${now}${move}`, {
      remedy: "Look at both sides with `automatos workspace move --status`; end another move first, or `--abort` it.",
      status: 409,
    });
  }
}

export class WorkspaceBusyError extends PlatformError {
  constructor({ workspaceId, runningTasks, queuedTasks, runningExecutions, runningBackups }: MoveState) {
    super(
      "WORKSPACE_BUSY",
      `workspace ${workspaceId} has ${runningTasks} running and ${queuedTasks} waiting tasks, ${runningExecutions} workflow executions and ${runningBackups} backups or restores`,
      {
        remedy:
          "Wait until they have ended, answer tasks that ask, or cancel tasks and executions; nothing new is submitted meanwhile.",
        status: 409,
        retryAfterSeconds: 5,
      },
    );
  }
}

export class SchemaMismatchError extends PlatformError {
  constructor(here: string, there: string) {
    super("MOVE_SCHEMA_MISMATCH", `the record here is at ${here}, that of the other side at ${there}`, {
      remedy: "Bring the older installation to the newer one's version, and move then.",
      status: 409,
    });
  }
}

export class RecordRefusedError extends PlatformError {
  constructor(message: string, cause?: unknown) {
    super("MOVE_RECORD_REFUSED", message, {
      remedy: "Run the move again: it begins the record anew. If it fails again, compare the versions of both sides.",
      status: 422,
      cause,
    });
  }
}
