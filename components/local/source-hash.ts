import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { filesIn, programFolders } from "../images/build/program-folders.ts";

/**
 * A hash of a service's source: its folder, all folders of the project that it imports from, and the locked versions of
 * its packages. A changed hash restarts the service.
 *
 * @param program Path of its main file below `projectDir`.
 */
export function sourceHash(projectDir: string, program: string): string {
  const files = new Set(programFolders(join(projectDir, program)).flatMap(filesIn));
  const hash = createHash("sha256");
  for (const file of [...files, join(projectDir, "package-lock.json")].sort()) {
    hash
      .update(`${relative(projectDir, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  return hash.digest("hex");
}
