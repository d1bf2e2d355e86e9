import { execFileSync, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseDocument } from "yaml";

const ROOT = path.resolve(import.meta.dirname, "../..");
const STATE_FOLDERS = new Set([".automatos", ".pulumi", "node_modules"]);

/** A checkout of this project in a folder of its own, with the packages that are installed here. */
export interface Checkout {
  readonly directory: string;
  /** Runs `npm <args>` in it to its end. */
  npm(...args: string[]): Promise<{ readonly code: number | null; readonly output: string }>;
  /** Every file outside `.automatos/`, `.pulumi/` and node_modules. */
  files(): Promise<string[]>;
  /** Processes of this machine whose command line or working directory names the folder. */
  processes(): Promise<{ readonly pid: number; readonly command: string }[]>;
  remove(): Promise<void>;
}

/** Copies what git would check out (with changes not committed yet), and sets `automatos:settings.ports`. */
export async function makeCheckout(ports: Record<string, number>): Promise<Checkout> {
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), "automatos-checkout-")));
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  for (const file of listed.split("\0").filter(Boolean)) {
    await mkdir(path.dirname(path.join(directory, file)), { recursive: true });
    await cp(path.join(ROOT, file), path.join(directory, file)).catch(() => undefined); // listed, and removed since
  }
  await symlink(path.join(ROOT, "node_modules"), path.join(directory, "node_modules"));
  const config = path.join(directory, "Pulumi.dev.yaml");
  const yaml = parseDocument(await readFile(config, "utf8"));
  for (const [name, port] of Object.entries(ports)) yaml.setIn(["config", "automatos:settings", "ports", name], port);
  await writeFile(config, yaml.toString());

  return {
    directory,
    npm: (...args) =>
      new Promise((resolve, reject) => {
        const child = spawn("npm", args, { cwd: directory, stdio: ["ignore", "pipe", "pipe"] });
        let output = "";
        const collect = (chunk: Buffer) => (output += chunk.toString());
        child.stdout.on("data", collect);
        child.stderr.on("data", collect);
        child.on("error", reject);
        child.on("close", (code) => resolve({ code, output }));
      }),
    async files() {
      const found: string[] = [];
      const walk = async (folder: string): Promise<void> => {
        for (const entry of await readdir(path.join(directory, folder), { withFileTypes: true })) {
          const file = path.join(folder, entry.name);
          if (folder === "" && STATE_FOLDERS.has(entry.name)) continue;
          if (entry.isDirectory()) await walk(file);
          else found.push(file);
        }
      };
      await walk("");
      return found.sort();
    },
    async processes() {
      const found: { pid: number; command: string }[] = [];
      for (const entry of await readdir("/proc")) {
        if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
        try {
          const command = (await readFile(`/proc/${entry}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
          const folder = await realpath(`/proc/${entry}/cwd`);
          if (command.includes(directory) || folder.startsWith(directory)) found.push({ pid: Number(entry), command });
        } catch {
          continue; // it ended meanwhile
        }
      }
      return found;
    },
    async remove() {
      await rm(directory, { recursive: true, force: true });
    },
  };
}
