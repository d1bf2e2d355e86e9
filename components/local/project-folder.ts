import { resolve } from "node:path";

/** The folder of the project that this file belongs to: found from the file, as the folder may be moved. */
export const PROJECT_DIR = resolve(import.meta.dirname, "../..");

/**
 * Stands for the project's folder in what is kept in a stack's state, so that the state holds no path of this machine.
 * Resolved by the process that is started.
 */
export const PROJECT_DIR_PLACEHOLDER = "{project}";

/** A path below the project's folder, as a value that may be kept in state. */
export function projectPath(relative: string): string {
  return `${PROJECT_DIR_PLACEHOLDER}/${relative}`;
}

/** The value with the project's real folder in it. */
export function resolveProjectPath(value: string, projectDir: string): string {
  return value.startsWith(`${PROJECT_DIR_PLACEHOLDER}/`)
    ? resolve(projectDir, value.slice(PROJECT_DIR_PLACEHOLDER.length + 1))
    : value;
}
