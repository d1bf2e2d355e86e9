import { spawnSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { findProgram } from "../../runtime/find-program.ts";
import { BackupProgramError, BackupProgramMissingError } from "./errors.ts";

const FOLDERS = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"];

/** A program and the libraries that it is loaded with, by absolute path. */
export interface ProgramFiles {
  readonly path: string;
  readonly libraries: readonly string[];
}

/** @throws BackupProgramMissingError */
export function findProgramFiles(name: string, folders: readonly string[] = FOLDERS): ProgramFiles {
  const path = name.startsWith("/") ? name : findProgram(name, folders);
  if (path === undefined) throw new BackupProgramMissingError(name);
  return { path: realpathSync(path), libraries: librariesOf(path) };
}

/** As the dynamic loader finds them; none for a static program. */
function librariesOf(path: string): string[] {
  const { status, stdout, stderr, error } = spawnSync("ldd", [path], {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin" },
  });
  const said = `${stdout}${stderr}`;
  if (error !== undefined) throw new BackupProgramError("ldd", error.message);
  if (status !== 0) {
    if (/not a dynamic executable|statically linked/.test(said)) return [];
    throw new BackupProgramError("ldd", said.trim());
  }
  const found = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, library = ""]) => library);
  return [...new Set(found)];
}
