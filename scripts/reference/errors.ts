import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { cell } from "./schema-table.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
/** A subclass of PlatformError up to its status: `super("CODE", message, { remedy, status })`. */
const CONSTRUCTION = /super\(\s*(?:[a-z][^"]*\? )?"([A-Z][A-Z0-9_]+)"[\s\S]*?\}\s*,?\s*\)\s*;/g;
const STATUS = /status: (\d{3})/;
const REMEDY = /remedy:\s*(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/;

/** Every error code of the platform, read from the classes that carry them. */
export function describeErrors(): string {
  const files = globSync(["contracts/**/*.ts", "services/**/*.ts"], { cwd: ROOT }).sort();
  const found = files.flatMap((file) =>
    [...readFileSync(path.join(ROOT, file), "utf8").matchAll(CONSTRUCTION)].map(([text, code]) => ({
      code: code ?? "",
      status: STATUS.exec(text)?.[1] ?? "",
      remedy: (REMEDY.exec(text)?.[1] ?? REMEDY.exec(text)?.[2] ?? "").replaceAll("\\`", "`"),
      file,
    })),
  );
  const rows = found
    .sort((a, b) => (a.code < b.code ? -1 : 1))
    .map(({ code, status, remedy, file }) => `| \`${code}\` | ${status} | ${cell(remedy)} | \`${file}\` |`);
  return ["| code | status | remedy | defined in |", "|---|---|---|---|", ...rows].join("\n");
}
