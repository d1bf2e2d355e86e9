import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sourceHash } from "../local/source-hash.ts";
import { filesIn } from "./build/program-folders.ts";
import { SERVICE_IMAGES, type ServiceName } from "./definitions.ts";

/**
 * A tag that changes with all that an image is made of: the service's source and packages, its Dockerfile, the steps of
 * the build and their arguments. What an argument names without pinning it (a base image's tag) is not looked at.
 */
export function imageTag(projectDir: string, service: ServiceName, args: Readonly<Record<string, string>>): string {
  const { dockerfile, program } = SERVICE_IMAGES[service];
  const hash = createHash("sha256").update(sourceHash(projectDir, program));
  for (const file of [dockerfile, ".dockerignore"]) hash.update(readFileSync(join(projectDir, file))).update("\0");
  for (const file of filesIn(join(projectDir, "components/images/build")).sort())
    hash.update(readFileSync(file)).update("\0");
  for (const [name, value] of Object.entries(args).sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name}=${value}\0`);
  return hash.digest("hex").slice(0, 16);
}
