import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import type { Logger } from "pino";
import { walkTo, type DirectoryHandle } from "./directory-handle.ts";
import type { SafeFs } from "./safe-fs.ts";
import { TaskLog } from "./task-log.ts";

const NEW_LOG = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | constants.O_APPEND;
// O_NONBLOCK: opening a FIFO in its place must not wait for its other end.
const KEPT_LOG = constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_APPEND | constants.O_NONBLOCK;
const LOG_FILE = ".task_log";
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Where a task's folder is, relative to its workspace. */
export const taskFolderPath = (taskId: string): string => `tasks/task_${taskId}`;

/** The task whose folder has this name, if it is one. */
export function taskOfFolder(name: string): string | undefined {
  return /^task_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(name)?.[1];
}

interface TaskFolderDeps {
  readonly workspaceDir: string;
  readonly files: SafeFs;
  /** Takes the folder away; run once, after the log has ended, instead of `leave`. */
  readonly close: () => Promise<void>;
  /** Leaves the folder to a later attempt; run once, after the log has ended. */
  readonly leave: () => Promise<void>;
  readonly logger: Logger;
}

/** A running task's own place in its workspace: gone when the task ends. Paths are relative to the workspace. */
export class TaskFolder {
  readonly taskDir: string;
  readonly scratchDir: string;
  readonly log: TaskLog;
  readonly #deps: Pick<TaskFolderDeps, "files" | "close" | "leave">;
  #closing: Promise<void> | undefined;

  private constructor(taskDir: string, log: TaskLog, deps: Pick<TaskFolderDeps, "files" | "close" | "leave">) {
    this.taskDir = taskDir;
    this.scratchDir = `${taskDir}/scratch`;
    this.log = log;
    this.#deps = deps;
  }

  /** Makes the folder, or takes over the one that an earlier attempt has left. */
  static async create(taskId: string, deps: TaskFolderDeps): Promise<TaskFolder> {
    const taskDir = taskFolderPath(taskId);
    await deps.files.mkdirs(taskDir, { mode: 0o700 });
    await deps.files.mkdirs(`${taskDir}/scratch`, { mode: 0o700 });
    const folder = await walkTo(deps.workspaceDir, taskDir.split("/"));
    try {
      const handle = await openLog(folder, deps.files, taskDir);
      const onError = (error: Error) =>
        deps.logger.warn({ event: "task_log_failed", taskId, err: error }, "task log cannot be written");
      return new TaskFolder(taskDir, new TaskLog(handle, { onError }), deps);
    } finally {
      await folder.close();
    }
  }

  /** Writes `.task_env`, which a POSIX shell can read in (`. ./.task_env`); only the workspace's user may read it. */
  async writeEnv(environment: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(environment).map(([name, value]) => {
      if (!VARIABLE.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a variable`);
      if (value.includes("\0")) throw new TypeError(`the value of ${name} holds a NUL byte`);
      return `${name}='${value.replaceAll("'", "'\\''")}'\n`;
    });
    await this.#deps.files.replaceFile(`${this.taskDir}/.task_env`, lines.join(""), { mode: 0o600 });
  }

  /** Takes the folder and all that was written for this task away. Idempotent; what cannot be removed is logged. */
  close(): Promise<void> {
    this.#closing ??= this.log.end().then(this.#deps.close);
    return this.#closing;
  }

  /** Leaves the folder as it is to the attempt that goes on with this task. Idempotent; no-op after `close`. */
  leave(): Promise<void> {
    this.#closing ??= this.log.end().then(this.#deps.leave);
    return this.#closing;
  }
}

/** The log that an earlier attempt has left, or a new one: an agent may have put anything in its place. */
async function openLog(folder: DirectoryHandle, files: SafeFs, taskDir: string): Promise<FileHandle> {
  const path = folder.child(LOG_FILE);
  const kept = await open(path, KEPT_LOG).catch(() => undefined);
  if (kept !== undefined) {
    const stats = await kept.stat();
    if (stats.isFile() && stats.nlink === 1 && stats.uid === process.geteuid?.()) return kept;
    await kept.close();
  }
  await files.remove(`${taskDir}/${LOG_FILE}`);
  return open(path, NEW_LOG, 0o644);
}
