import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface DebianArchive {
  readonly uri: string;
  /** E.g. `bookworm` or `bookworm-security`. */
  readonly codename: string;
}

/** Archives of a Debian release and of its updates, where this machine's own apt gets them. */
export async function debianArchives(suite: string): Promise<readonly DebianArchive[]> {
  const format = "$(CREATED_BY) $(ORIGIN) $(CODENAME) $(REPO_URI)";
  const ask = async () => (await run("apt-get", ["indextargets", "--format", format])).stdout;
  const found = parseTargets(await ask(), suite);
  if (found.length > 0) return found;
  await run("apt-get", ["update", "-q"]); // what was never updated has no targets
  return parseTargets(await ask(), suite);
}

function parseTargets(text: string, suite: string): DebianArchive[] {
  const archives = new Map<string, DebianArchive>();
  for (const line of text.split("\n")) {
    const [createdBy, origin, codename = "", uri = ""] = line.split(" ");
    const belongs = codename === suite || codename.startsWith(`${suite}-`);
    if (createdBy === "Packages" && origin === "Debian" && belongs)
      archives.set(`${uri} ${codename}`, { uri, codename });
  }
  return [...archives.values()];
}
