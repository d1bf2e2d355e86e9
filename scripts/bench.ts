// `npm run bench [-- NAME...]`: runs the named benchmarks of bench/, or all of them, one after the other.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "..");
const all = globSync("bench/*.ts", { cwd: ROOT }).map((file) => path.basename(file, ".ts"));
const named = process.argv.slice(2);
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(", ")}; there are ${all.sort().join(", ")}\n`);
  process.exit(2);
}
for (const name of named.length > 0 ? named : all.sort()) {
  process.stdout.write(`\n== ${name}\n`);
  const { status } = spawnSync(process.execPath, [path.join(ROOT, "bench", `${name}.ts`)], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
