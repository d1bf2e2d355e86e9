import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PROJECT_DIR } from "../local/project-folder.ts";

/** Random bytes; those of the file where there is one, which is made with them otherwise. */
export function makeSecret(
  { bytes, encoding, file }: { readonly bytes: number; readonly encoding: "hex" | "base64"; readonly file?: string },
  projectDir = PROJECT_DIR,
): string {
  const value = randomBytes(bytes).toString(encoding);
  if (file === undefined) return value;
  const path = join(projectDir, file);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  writeFileSync(draft, value, { mode: 0o600, flush: true });
  try {
    linkSync(draft, path); // complete or not at all, and never in the place of another
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft);
  }
  const kept = readFileSync(path, "utf8").trim();
  if (Buffer.from(kept, encoding).length !== bytes) {
    throw new Error(
      `${file} does not hold ${bytes} bytes in ${encoding}; put the file back, or remove it to make a new key`,
    );
  }
  return kept;
}
