import { accessSync, constants } from "node:fs";

/** A program's full path in the first of the folders that has it; undefined when none does. */
export const findProgram = (name: string, folders: readonly string[]): string | undefined =>
  folders.map((folder) => `${folder}/${name}`).find(isExecutable);

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
