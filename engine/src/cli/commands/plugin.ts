/** `pulumi plugin ls`, `install` and `rm`. */
import { chmod, copyFile, cp, mkdir, rm as removePath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { EngineError, UnsupportedError, UsageError } from "../../backend/errors.ts";
import { findPlugin } from "../../deploy/provider/plugin-search.ts";
import type { CommandContext } from "../context.ts";
import { humanBytes, humanTime, isoTime } from "../dates.ts";
import { printedTable, structJson } from "../json.ts";
import { confirm } from "./confirm.ts";
import {
  installedPlugins,
  pluginFolder,
  pluginKinds,
  removePlugin,
  sizeOf,
  timesOf,
  type InstalledPlugin,
} from "../plugins/installed-plugins.ts";
import { programPackages } from "../plugins/program-packages.ts";
import { fulfils } from "../plugins/version-order.ts";

/** What the command line names of a plugin. */
interface PluginName {
  readonly kind: string | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
}

export async function list(
  context: CommandContext,
  options: { readonly json?: boolean; readonly project?: boolean },
): Promise<void> {
  const wanted = options.project ? await requiredPlugins(context) : undefined;
  const plugins = installedPlugins(context.env).filter(
    ({ kind, name }) => wanted === undefined || (kind === "resource" && wanted.some((one) => one.name === name)),
  );
  const rows = plugins.map((plugin) => {
    const times = timesOf(plugin.folder); // before its size is taken, which reads the folder
    return { ...plugin, times, size: sizeOf(plugin.folder) };
  });
  const { out } = context.terminal;
  if (options.json) {
    const printed = rows.map(({ name, kind, version, size, times }) => ({
      name,
      kind,
      version,
      size,
      ...(times && { installTime: isoTime(times.birthtime), lastUsedTime: isoTime(times.atime) }),
    }));
    out(structJson(printed));
    return;
  }
  const cells = rows.map(({ name, kind, version, size, times }) => [
    name,
    kind,
    version,
    size === 0 ? "n/a" : humanBytes(size),
    times === undefined ? "n/a" : humanTime(times.birthtime),
    times === undefined ? "never" : humanTime(times.atime),
  ]);
  out(printedTable(["NAME", "KIND", "VERSION", "SIZE", "INSTALLED", "LAST USED"], cells));
  out(`\nTOTAL plugin cache size: ${humanBytes(rows.reduce((sum, { size }) => sum + size, 0))}\n`);
}

/** Installs from a file; otherwise sees that the plugin is there already, as nothing is downloaded. */
export async function install(
  context: CommandContext,
  { kind, name, version }: PluginName,
  options: { readonly file?: string; readonly reinstall?: boolean },
): Promise<void> {
  if (kind === undefined) {
    await checkRequiredPlugins(context);
    return;
  }
  checkKind(kind);
  if (name === undefined) throw new UsageError("missing plugin name argument", 1);
  const wanted = version?.replace(/^v/, "");
  if (options.file !== undefined) {
    if (wanted === undefined)
      throw new UsageError("missing plugin version argument, this is required if installing from a file", 1);
    await installFile(context, { kind, name, version: wanted }, options.file, options.reinstall ?? false);
    return;
  }
  if (kind !== "resource")
    throw new UnsupportedError(`the download of plugins (${kind} ${name})`, "it downloads nothing");
  await checkPlugin(context, name, wanted ?? "");
}

export async function rm(
  context: CommandContext,
  { kind, name, version }: PluginName,
  options: { readonly all?: boolean; readonly yes?: boolean },
): Promise<void> {
  if (kind === undefined && !options.all)
    throw new UsageError("please pass --all if you'd like to remove all plugins", 1);
  if (kind !== undefined) checkKind(kind);
  const condemned = installedPlugins(context.env).filter(
    (plugin) =>
      (kind === undefined || plugin.kind === kind) &&
      (name === undefined || plugin.name === name) &&
      (version === undefined || fulfils(plugin.version, version)),
  );
  if (condemned.length === 0) {
    context.terminal.err("no plugins found to uninstall\n");
    return;
  }
  const label = (plugin: InstalledPlugin): string => `${plugin.kind} ${plugin.name}-${plugin.version}`;
  await confirm(context, options.yes, {
    text:
      `This will remove ${condemned.length} plugin${condemned.length === 1 ? "" : "s"} from the cache:\n` +
      condemned.map((plugin) => `    ${label(plugin)}`).join("\n"),
    what: "removal",
  });
  for (const plugin of condemned) {
    await removePlugin(plugin);
    context.terminal.out(`removed: ${label(plugin)}\n`);
  }
}

/**
 * Sees that each plugin that the program's packages need is there.
 * @throws EngineError naming all that are missing.
 */
export async function checkRequiredPlugins(context: CommandContext): Promise<void> {
  const missing: string[] = [];
  for (const { name, version } of await requiredPlugins(context))
    try {
      await checkPlugin(context, name, version);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      missing.push(error.message);
    }
  if (missing.length > 0)
    throw new EngineError("PLUGIN_MISSING", missing.join("\n"), {
      remedy: "This engine downloads nothing: put each plugin on PATH, or `pulumi plugin install ... --file`.",
    });
}

async function checkPlugin(context: CommandContext, name: string, version: string): Promise<void> {
  const projectPlugins = (await context.findProject())?.plugins ?? [];
  const found = findPlugin({ name, version, projectPlugins, env: { ...context.env } });
  const where = "binary" in found ? found.binary : found.source;
  context.terminal.err(`resource plugin ${name}${version === "" ? "" : `-${version}`} is there: ${where}\n`);
}

async function requiredPlugins(context: CommandContext): Promise<{ name: string; version: string }[]> {
  const { program, folder } = await context.project();
  const start = (await stat(program).catch(() => undefined))?.isDirectory() ? program : folder;
  return programPackages(start, true).flatMap(({ plugin }) => plugin ?? []);
}

/** A program is laid into a folder of its own, a folder is copied as it is. */
async function installFile(
  context: CommandContext,
  { kind, name, version }: { readonly kind: string; readonly name: string; readonly version: string },
  file: string,
  reinstall: boolean,
): Promise<void> {
  const target = join(pluginFolder(context.env), `${kind}-${name}-v${version}`);
  if (!reinstall && installedPlugins(context.env).some(({ folder }) => folder === target)) return;
  const source = await stat(file).catch((cause: unknown) => {
    throw new EngineError("PLUGIN_FILE", `could not read ${file}`, { cause });
  });
  if (/\.(tar\.gz|tgz|tar)$/.test(file)) throw new UnsupportedError(`archives of plugins (${file})`, "unpack it first");
  await removePath(target, { recursive: true, force: true });
  // it counts as installed once this is gone
  const partial = `${target}.partial`;
  await mkdir(partial, { recursive: true });
  if (source.isDirectory()) await cp(file, target, { recursive: true });
  else {
    await mkdir(target, { recursive: true });
    const program = join(target, `pulumi-${kind}-${name}`);
    await copyFile(file, program);
    await chmod(program, 0o755);
  }
  await removePath(partial, { recursive: true });
  context.terminal.err(`installed ${basename(target)} from ${file}\n`);
}

function checkKind(kind: string): void {
  if (!(pluginKinds as readonly string[]).includes(kind))
    throw new UsageError(`unrecognized plugin kind: ${kind}; it is one of ${pluginKinds.join(", ")}`, 1);
}
