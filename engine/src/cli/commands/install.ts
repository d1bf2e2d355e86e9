/** `pulumi install`: what the program needs to run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { EngineError, UnsupportedError } from "../../backend/errors.ts";
import type { Project } from "../../backend/project.ts";
import type { CommandContext } from "../context.ts";
import { checkRequiredPlugins } from "./plugin.ts";

export async function install(
  context: CommandContext,
  options: { readonly dependencies?: boolean; readonly plugins?: boolean },
): Promise<void> {
  const project = await context.project();
  if (project.runtime !== "nodejs")
    throw new UnsupportedError(`programs of the runtime '${project.runtime}' (${project.file})`);
  if (options.dependencies ?? true) await installPackages(context, project);
  if (options.plugins ?? true) await checkRequiredPlugins(context);
}

/** @throws EngineError when the package manager fails. */
async function installPackages(context: CommandContext, project: Project): Promise<void> {
  const program = statSync(project.program, { throwIfNoEntry: false });
  const folder = folderOfPackages(program?.isDirectory() ? project.program : dirname(project.program));
  if (folder === undefined) {
    context.terminal.err(`${project.folder} has no package.json: there are no packages to install\n`);
    return;
  }
  const manager = project.runtimeOptions.packagemanager ?? managerOf(folder);
  context.terminal.err(`Installing dependencies with ${manager} in ${folder}...\n`);
  const child = spawn(manager, ["install"], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  const code = await Promise.race([
    once(child, "close").then(([exitCode]) => exitCode as number | null),
    once(child, "error").then(([error]: unknown[]) => {
      throw new EngineError("INSTALL", `could not start ${manager}`, { cause: error });
    }),
  ]);
  if (code !== 0) throw new EngineError("INSTALL", `\`${manager} install\` in ${folder} ended with ${String(code)}`);
  context.terminal.err("Finished installing dependencies\n");
}

function folderOfPackages(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json"))) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

/** The one whose lock file is there, as Pulumi chooses. */
function managerOf(folder: string): string {
  if (existsSync(join(folder, "yarn.lock"))) return "yarn";
  if (existsSync(join(folder, "pnpm-lock.yaml"))) return "pnpm";
  if (existsSync(join(folder, "bun.lockb")) || existsSync(join(folder, "bun.lock"))) return "bun";
  return "npm";
}
