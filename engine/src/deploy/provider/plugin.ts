/** Provider plugins as processes: where they are, and how they are started. */
import { accessSync, constants, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { PluginMissingError, PluginStartError } from "../errors.ts";
import { Child, lifeline } from "./child.ts";

/** The package of resources whose provider is written in the program itself. */
export const DYNAMIC_PACKAGE = "pulumi-nodejs";

export interface PluginHost {
  engineAddress: string;
  project: string;
  stack: string;
  organization: string;
  projectDir: string;
  /** The folder of the program's entry: where plugins run, and dynamic providers resolve their imports. */
  programDir: string;
  /** A line that the plugin printed. */
  onOutput: (stream: "stdout" | "stderr", line: string) => void;
}

export interface StartedPlugin {
  address: string;
  child: Child;
}

interface PluginCommand {
  command: string;
  args: string[];
}

/** @throws PluginMissingError, PluginStartError */
export async function startPlugin(name: string, version: string, host: PluginHost): Promise<StartedPlugin> {
  const { command, args } = name === DYNAMIC_PACKAGE ? dynamicProvider(host) : findPlugin(name, version);
  const printed: string[] = [];
  let resolvePort: (port: string) => void;
  let hasPort = false;
  const port = new Promise<string>((resolve) => (resolvePort = resolve));
  const child = new Child({
    command,
    args: [...args, host.engineAddress],
    cwd: host.programDir,
    env: pluginEnvironment(host),
    onStdout: (line) => {
      if (hasPort) host.onOutput("stdout", line);
      else if (/^\d+$/.test(line.trim())) {
        hasPort = true;
        resolvePort(line.trim());
      } else printed.push(line);
    },
    onStderr: (line) => {
      if (hasPort) host.onOutput("stderr", line);
      else printed.push(line);
    },
  });
  const ended = child.ended.then(
    ({ code, signal }) => {
      const reason = signal === null ? `exit code ${String(code)}` : `signal ${signal}`;
      throw new PluginStartError(name, [`it ended with ${reason}`, ...printed].join("\n"));
    },
    (error: unknown) => {
      throw new PluginStartError(name, error instanceof Error ? error.message : String(error));
    },
  );
  ended.catch(() => undefined);
  return { address: `127.0.0.1:${await Promise.race([port, ended])}`, child };
}

function pluginEnvironment(host: PluginHost): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PULUMI_ROOT_DIRECTORY: host.projectDir,
    PULUMI_PROGRAM_DIRECTORY: host.programDir,
    PULUMI_NODEJS_ORGANIZATION: host.organization,
    PULUMI_NODEJS_PROJECT: host.project,
    PULUMI_NODEJS_STACK: host.stack,
  };
}

/** The SDK's own dynamic provider, from where the program has its SDK. */
function dynamicProvider(host: PluginHost): PluginCommand {
  const resolve = createRequire(join(host.programDir, "index.js")).resolve;
  return { command: process.execPath, args: [...lifeline(), resolve("@pulumi/pulumi/cmd/dynamic-provider")] };
}

/** `pulumi-resource-<name>` on PATH, else from PULUMI_HOME/plugins: the version asked for, or the newest. */
function findPlugin(name: string, version: string): PluginCommand {
  const binary = `pulumi-resource-${name}`;
  const onPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, binary))
    .find(isExecutable);
  const found = onPath ?? findInstalled(name, version, binary);
  if (found === undefined) throw new PluginMissingError(name, version);
  return { command: found, args: [] };
}

function findInstalled(name: string, version: string, binary: string): string | undefined {
  const plugins = join(process.env["PULUMI_HOME"] ?? join(homedir(), ".pulumi"), "plugins");
  const prefix = `resource-${name}-v`;
  let installed: string[];
  try {
    installed = readdirSync(plugins);
  } catch {
    return undefined;
  }
  return installed
    .filter((entry) => (version === "" ? entry.startsWith(prefix) : entry === prefix + version))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
    .map((entry) => join(plugins, entry, binary))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
