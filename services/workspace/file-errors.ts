import { constants } from "node:os";
import { PlatformError } from "../../contracts/errors.ts";

/** A path that is absolute, holds a NUL byte, climbs above the workspace, or reaches into another user's file. */
export class PathOutsideWorkspaceError extends PlatformError {
  constructor(path: string, reason: string) {
    super("PATH_OUTSIDE_WORKSPACE", `path ${quote(path)} ${reason}`, {
      remedy: "Give a path relative to the workspace that stays inside it.",
      status: 400,
    });
  }
}

/** A part of the path is a symbolic link. Links are never followed: what they point to can change at any moment. */
export class PathIsSymlinkError extends PlatformError {
  constructor(path: string, target: string) {
    super("PATH_IS_SYMLINK", `path ${quote(path)} is a symbolic link to ${quote(target)}`, {
      remedy: "Give the path that the link points to, if that is inside the workspace.",
      status: 400,
    });
  }
}

export class PathTooLongError extends PlatformError {
  constructor(path: string) {
    super("PATH_TOO_LONG", `path ${quote(path)} has a part that is too long for the file system`, {
      remedy: "Shorten each part of the path to at most 255 bytes.",
      status: 400,
    });
  }
}

export class FileNotFoundError extends PlatformError {
  constructor(path: string) {
    super("FILE_NOT_FOUND", `path ${quote(path)} does not exist`, {
      remedy: "Check the path with list_directory.",
      status: 404,
    });
  }
}

export class FileExistsError extends PlatformError {
  constructor(path: string) {
    super("FILE_EXISTS", `path ${quote(path)} exists already`, {
      remedy: "Remove it first, choose another name, or replace it on purpose.",
      status: 409,
    });
  }
}

export class NotAFileError extends PlatformError {
  constructor(path: string, type: string) {
    super("NOT_A_FILE", `path ${quote(path)} is a ${type}, not a regular file`, {
      remedy: "Give the path of a regular file.",
      status: 400,
    });
  }
}

export class NotADirectoryError extends PlatformError {
  constructor(path: string) {
    super("NOT_A_DIRECTORY", `path ${quote(path)} has a part that is not a directory`, {
      remedy: "Check the path with list_directory.",
      status: 400,
    });
  }
}

export class FileAccessDeniedError extends PlatformError {
  constructor(path: string, cause: unknown) {
    super("FILE_ACCESS_DENIED", `path ${quote(path)} may not be opened by the service`, {
      remedy: "Change the mode of the file or of its directory from a command in the workspace.",
      status: 403,
      cause,
    });
  }
}

/** The file system has refused a write: the workspace is at its limit. */
export class QuotaReachedError extends PlatformError {
  constructor(path: string, cause: unknown) {
    super("WORKSPACE_QUOTA_EXCEEDED", `path ${quote(path)} cannot be written: the workspace has reached its quota`, {
      remedy:
        "Drop cached repositories or artifacts with `automatos workspace repos|artifacts rm`, or move the workspace to a larger plan.",
      status: 507,
      cause,
    });
  }
}

const MAX_QUOTED_CHARS = 200;
/** The path as it may stand in a message: escaped, and not longer than a line. */
function quote(path: string): string {
  const text = JSON.stringify(path.length > MAX_QUOTED_CHARS ? `${path.slice(0, MAX_QUOTED_CHARS)}…` : path);
  return text.slice(1, -1);
}

/** EDQUOT, which Node has no name for: its code is UNKNOWN. */
const isQuotaRefusal = (cause: unknown): boolean =>
  (cause as NodeJS.ErrnoException | undefined)?.errno === -constants.errno.EDQUOT;

/** The error that says what `cause`, as thrown by the file system, means for `path`; other causes are given back. */
export function toFileError(cause: unknown, path: string): unknown {
  switch ((cause as NodeJS.ErrnoException | undefined)?.code) {
    case "ENOENT":
      return new FileNotFoundError(path);
    case "EEXIST":
    case "ENOTEMPTY":
      return new FileExistsError(path);
    case "ENOTDIR":
      return new NotADirectoryError(path);
    case "EISDIR":
      return new NotAFileError(path, "directory");
    case "ENXIO":
      return new NotAFileError(path, "socket or FIFO");
    case "ENAMETOOLONG":
      return new PathTooLongError(path);
    case "EACCES":
    case "EPERM":
      return new FileAccessDeniedError(path, cause);
    default:
      return isQuotaRefusal(cause) ? new QuotaReachedError(path, cause) : cause;
  }
}
