/** Provider plugins as processes: how they are started. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import type { ProjectPlugin } from "../../model.ts";
import { PluginStartError, ShutdownError } from "../errors.ts";
import { Child, compileCache } from "./child.ts";
import type { ChildEnd } from "./child.ts";
import { findPlugin, PLUGIN_MANIFEST } from "./plugin-search.ts";
import type { PluginLocation } from "./plugin-search.ts";

/** The package of resources whose provider is written in the program itself. */
export const DYNAMIC_PACKAGE = "pulumi-nodejs";

/** So many lines of a plugin's output are told when it crashes. */
const LAST_LINES = 20;

export interface PluginHost {
  engineAddress: string;
  project: string;
  stack: string;
  organization: string;
  projectDir: string;
  /** The folder of the program's entry: where plugins run, and dynamic providers resolve their imports. */
  programDir: string;
  projectPlugins: readonly ProjectPlugin[];
  /** The stack's configuration, keys as `project:key`. */
  config: ReadonlyMap<string, { value: string; secret: boolean }>;
  /** The user's wish to stop: a plugin that has not told its port yet is not waited for any more. */
  signal: AbortSignal;
  /** A line that a dynamic provider printed. Other plugins' output is told only if they crash, as Pulumi does it. */
  onOutput: (stream: "stdout" | "stderr", line: string) => void;
}

interface PluginWish {
  name: string;
  /** "" for any. */
  version: string;
  /** Variables that it sees beside the engine's own. */
  env: Readonly<Record<string, string>>;
}

/** A plugin that runs. */
export interface PluginProcess {
  readonly name: string;
  /** `host:port` */
  readonly address: string;
  /** Where it was found. */
  readonly folder: string;
  readonly child: Child;
  readonly lastLines: readonly string[];
}

interface PluginCommand {
  command: string;
  args: string[];
  folder: string;
}

/** @throws PluginMissingError, PluginStartError */
export async function startPlugin(wish: PluginWish, host: PluginHost): Promise<PluginProcess> {
  const { name } = wish;
  const dynamic = name === DYNAMIC_PACKAGE;
  const { command, args, folder } = dynamic ? dynamicProvider(host) : commandOf(locate(wish, host), name);
  const lastLines: string[] = [];
  const port = Promise.withResolvers<string>();
  let hasPort = false;
  const onLine = (stream: "stdout" | "stderr", line: string) => {
    if (stream === "stdout" && !hasPort && line.trim() !== "") {
      hasPort = true;
      if (isPort(line.trim())) port.resolve(line.trim());
      else port.reject(new PluginStartError(name, `instead of its port it told ${JSON.stringify(line)}`));
      return;
    }
    lastLines.push(line);
    if (lastLines.length > LAST_LINES) lastLines.shift();
    if (dynamic && hasPort) host.onOutput(stream, line);
  };
  const child = new Child({
    command,
    args: [...args, host.engineAddress],
    cwd: host.programDir,
    env: { ...pluginEnvironment(name, host), ...wish.env },
    onStdout: (line) => onLine("stdout", line),
    onStderr: (line) => onLine("stderr", line),
  });
  const ended = child.ended.then(
    (end) => {
      throw new PluginStartError(name, [`it ended with ${describeEnd(end)}`, ...lastLines].join("\n"));
    },
    (error: unknown) => {
      throw new PluginStartError(name, error instanceof Error ? error.message : String(error));
    },
  );
  ended.catch(() => undefined);
  const giveUp = (): void => port.reject(new ShutdownError());
  host.signal.addEventListener("abort", giveUp);
  if (host.signal.aborted) giveUp();
  try {
    const address = `127.0.0.1:${await Promise.race([port.promise, ended])}`;
    return { name, address, folder, child, lastLines };
  } catch (error) {
    await child.stop();
    throw error;
  } finally {
    host.signal.removeEventListener("abort", giveUp);
  }
}

function isPort(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) > 0 && Number(text) < 65_536;
}

export function describeEnd({ code, signal }: ChildEnd): string {
  return signal === null ? `exit code ${String(code)}` : `signal ${signal}`;
}

function locate({ name, version }: PluginWish, { projectPlugins }: PluginHost): PluginLocation {
  return findPlugin({ name, version, projectPlugins, env: process.env });
}

function pluginEnvironment(name: string, host: PluginHost): NodeJS.ProcessEnv {
  const own = [...host.config].filter(([key]) => key.startsWith(`${name}:`));
  const config = Object.fromEntries(own.map(([key, { value }]) => [key.slice(name.length + 1), value]));
  return {
    ...process.env,
    PULUMI_ROOT_DIRECTORY: host.projectDir,
    PULUMI_PROGRAM_DIRECTORY: host.programDir,
    PULUMI_PROJECT: host.project,
    PULUMI_CONFIG: JSON.stringify(config),
    PULUMI_NODEJS_ORGANIZATION: host.organization,
    PULUMI_NODEJS_PROJECT: host.project,
    PULUMI_NODEJS_STACK: host.stack,
  };
}

/** The SDK's own dynamic provider, from where the program has its SDK. */
function dynamicProvider(host: PluginHost): PluginCommand {
  const entry = createRequire(join(host.programDir, "index.js")).resolve("@pulumi/pulumi/cmd/dynamic-provider");
  return nodeCommand([entry], dirname(entry));
}

function commandOf(location: PluginLocation, name: string): PluginCommand {
  if ("source" in location) return sourceCommand(location.source, name);
  const { binary } = location;
  // A script for Node is run by the engine's own, whatever `node` PATH has.
  if (isNodeScript(binary)) return nodeCommand([binary], dirname(binary));
  return { command: binary, args: [], folder: dirname(binary) };
}

function nodeCommand(args: string[], folder: string): PluginCommand {
  return { command: process.execPath, args: [...compileCache(), ...args], folder };
}

function isNodeScript(file: string): boolean {
  const start = Buffer.alloc(64);
  const descriptor = openSync(file, "r");
  const length = readSync(descriptor, start);
  closeSync(descriptor);
  const [firstLine = ""] = start.toString("latin1", 0, length).split("\n", 1);
  return /^#!\s*\/usr\/bin\/env (-S )?node\s*$/.test(firstLine);
}

/** @throws PluginStartError when the engine cannot run it. */
function sourceCommand(folder: string, name: string): PluginCommand {
  const { runtime, nodeargs } = readManifest(join(folder, PLUGIN_MANIFEST), name);
  if (runtime !== "nodejs")
    throw new PluginStartError(
      name,
      `the embedded engine runs plugins of the runtime nodejs only, not ${JSON.stringify(runtime)} (${folder})`,
    );
  let run: string;
  try {
    run = createRequire(join(folder, "index.js")).resolve("@pulumi/pulumi/cmd/run-plugin");
  } catch {
    throw new PluginStartError(name, `@pulumi/pulumi is not installed in ${folder}; run \`npm install\` there`);
  }
  return nodeCommand([...nodeargs, run, folder], folder);
}

function readManifest(file: string, name: string): { runtime: unknown; nodeargs: string[] } {
  let manifest: unknown;
  try {
    manifest = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new PluginStartError(name, `${file} cannot be read: ${error instanceof Error ? error.message : ""}`);
  }
  const { runtime } = (manifest ?? {}) as { runtime?: unknown };
  const given = (typeof runtime === "string" ? { name: runtime } : (runtime ?? {})) as {
    name?: unknown;
    options?: { nodeargs?: unknown };
  };
  const nodeargs = given.options?.nodeargs;
  return {
    runtime: given.name,
    nodeargs: typeof nodeargs === "string" ? nodeargs.split(/\s+/).filter((argument) => argument !== "") : [],
  };
}
