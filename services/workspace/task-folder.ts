import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { Logger } from "pino";
import { walkTo } from "./directory-handle.ts";
import type { SafeFs } from "./safe-fs.ts";
import { TaskLog } from "./task-log.ts";

const NEW_LOG = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | constants.O_APPEND;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Where a task's folder is, relative to its workspace. */
export const taskFolderPath = (taskId: string): string => `tasks/task_${taskId}`;

/** The task whose folder has this name, if it is one. */
export function taskOfFolder(name: string): string | undefined {
  return /^task_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i.exec(name)?.[1];
}

/** A running task's own place in its workspace: gone when the task ends. Paths are relative to the workspace. */
export class TaskFolder {
  readonly taskDir: string;
  readonly scratchDir: string;
  readonly log: TaskLog;
  readonly #files: SafeFs;
  readonly #close: () => Promise<void>;
  #closing: Promise<void> | undefined;

  private constructor(taskDir: string, log: TaskLog, deps: { files: SafeFs; close: () => Promise<void> }) {
    this.taskDir = taskDir;
    this.scratchDir = `${taskDir}/scratch`;
    this.log = log;
    this.#files = deps.files;
    this.#close = deps.close;
  }

  /** Makes the folder, which must not be there yet. `close` is run once, after the log has ended. */
  static async create(
    taskId: string,
    deps: {
      readonly workspaceDir: string;
      readonly files: SafeFs;
      readonly close: () => Promise<void>;
      readonly logger: Logger;
    },
  ): Promise<TaskFolder> {
    const taskDir = taskFolderPath(taskId);
    await deps.files.mkdirs(taskDir, { mode: 0o700 });
    await deps.files.mkdirs(`${taskDir}/scratch`, { mode: 0o700 });
    const folder = await walkTo(deps.workspaceDir, taskDir.split("/"));
    try {
      const handle = await open(folder.child(".task_log"), NEW_LOG, 0o644);
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
    await this.#files.replaceFile(`${this.taskDir}/.task_env`, lines.join(""), { mode: 0o600 });
  }

  /** Takes the folder and all that was written for this task away. Idempotent; what cannot be removed is logged. */
  close(): Promise<void> {
    this.#closing ??= this.log.end().then(this.#close);
    return this.#closing;
  }
}
