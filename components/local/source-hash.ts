import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const RELATIVE_IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*["'](\.{1,2}\/[^"']+)["']/g;

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/**
 * The folders that a program is made of: its own and those it imports from, transitively. Whole folders, as a program
 * also reads files that it does not import (migrations, filters).
 */
function foldersOf(program: string): string[] {
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

/**
 * A hash of a service's source: its folder, all folders of the project that it imports from, and the locked versions of
 * its packages. A changed hash restarts the service.
 *
 * @param program Path of its main file below `projectDir`.
 */
export function sourceHash(projectDir: string, program: string): string {
  const files = new Set(foldersOf(join(projectDir, program)).flatMap(filesIn));
  const hash = createHash("sha256");
  for (const file of [...files, join(projectDir, "package-lock.json")].sort()) {
    hash
      .update(`${relative(projectDir, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  return hash.digest("hex");
}
