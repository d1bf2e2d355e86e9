import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const RELATIVE_IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g;

/** All files below a folder. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * The folders that a program is made of: its own and those it imports from, transitively. Whole folders, as a program
 * also reads files that it does not import (migrations, filters).
 *
 * @param program Path of its main file.
 */
export function programFolders(program: string): string[] {
  const folders = [dirname(program)];
  const covered = (path: string) => folders.some((folder) => !relative(folder, path).startsWith(".."));
  for (const folder of folders) {
    for (const file of filesIn(folder).filter((name) => name.endsWith(".ts"))) {
      for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(RELATIVE_IMPORT)) {
        const target = join(dirname(file), specifier);
        if (!covered(target) && statSync(target, { throwIfNoEntry: false })?.isFile() === true) {
          folders.push(dirname(target));
        }
      }
    }
  }
  return folders;
}
