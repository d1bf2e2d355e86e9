// collect-service.ts SERVICE PROJECT OUT: what the image of a service is made of, out of the whole project:
// OUT/app, its source with the folders that it imports from; OUT/packages, package.json and a lock of its packages alone.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { namedPackages, reduceLock, type PackageJson, type PackageLock } from "./locked-packages.ts";
import { filesIn, programFolders } from "./program-folders.ts";

const [service = "", project = "", out = ""] = process.argv.slice(2);
const readJson = (name: string): unknown => JSON.parse(readFileSync(join(project, name), "utf8"));
const writeJson = (name: string, value: unknown) =>
  writeFileSync(join(out, name), `${JSON.stringify(value, null, 2)}\n`);

const folders = programFolders(join(project, "services", service, "main.ts"));
const source = folders
  .flatMap(filesIn)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(file, "utf8"))
  .join("\n");
const whole = readJson("package.json") as PackageJson;
const names = namedPackages(source, whole.dependencies);
const lock = reduceLock(readJson("package-lock.json") as PackageLock, names);

for (const folder of folders) cpSync(folder, join(out, "app", relative(project, folder)), { recursive: true });
mkdirSync(join(out, "packages"), { recursive: true });
const { name, version, type } = whole;
writeJson("app/package.json", { name, version, type });
writeJson("packages/package.json", { name, version, type, dependencies: lock.packages[""]?.dependencies });
writeJson("packages/package-lock.json", lock);
process.stdout.write(`${service}: ${folders.length} folders, ${Object.keys(lock.packages).length - 1} packages\n`);
