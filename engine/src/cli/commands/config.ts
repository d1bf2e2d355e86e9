/** `pulumi config` and its subcommands. */
import { getAt, type ConfigNode, type PathSegment } from "../../backend/config-path.ts";
import { hasSecret, looksLikeSecret, resolveConfigValue, shortConfigKey } from "../../backend/config-values.ts";
import { ConfigError, ConfirmationRequiredError, UsageError } from "../../backend/errors.ts";
import type { StackSettings } from "../../backend/stack-settings.ts";
import { layeredConfig } from "../stack-config.ts";
import type { CommandContext } from "../context.ts";
import { printedTable, structJson } from "../json.ts";
import { readStandardInput } from "../terminal.ts";
import { configTarget, locateKey, nodeOf, type ConfigOptions } from "./config-target.ts";

export async function list(
  context: CommandContext,
  options: ConfigOptions & { readonly json?: boolean; readonly showSecrets?: boolean },
): Promise<void> {
  const { project, settings } = await configTarget(context, options);
  const entries = [...layeredConfig(project, settings)].sort(([a], [b]) => (a < b ? -1 : 1));
  const reveal = options.showSecrets ?? false;
  const crypter = reveal && entries.some(([, node]) => hasSecret(node)) ? await context.crypter(settings) : undefined;
  const decrypt = (ciphertext: string): string => crypter?.decrypt(ciphertext) ?? "[secret]";
  if (options.json) {
    const values = entries.map(([key, node]) => [key, jsonEntry(node, decrypt, reveal)] as const);
    context.terminal.out(structJson(Object.fromEntries(values)));
    return;
  }
  const rows = entries.map(([key, node]) => [
    shortConfigKey(project.name, key),
    resolveConfigValue(node, decrypt).value,
  ]);
  context.terminal.out(printedTable(["KEY", "VALUE"], rows));
}

export async function get(
  context: CommandContext,
  key: string,
  options: ConfigOptions & { readonly path?: boolean; readonly json?: boolean },
): Promise<void> {
  const { project, settings, stack } = await configTarget(context, options);
  const { key: fullKey, path } = locateKey(project.name, key, options.path ?? false);
  const node = getAt(layeredConfig(project, settings).get(fullKey), path);
  if (node === undefined)
    throw new ConfigError(
      `configuration key '${shortConfigKey(project.name, key)}' not found for stack '${stack.name}'`,
    );
  const crypter = hasSecret(node) ? await context.crypter(settings) : undefined;
  const decrypt = (ciphertext: string): string => crypter?.decrypt(ciphertext) ?? "";
  if (options.json) context.terminal.out(structJson(jsonEntry(node, decrypt, true)));
  else context.terminal.out(`${resolveConfigValue(node, decrypt).value}\n`);
}

export async function set(
  context: CommandContext,
  key: string,
  argument: string | undefined,
  options: ConfigOptions & {
    readonly path?: boolean;
    readonly secret?: boolean;
    readonly plaintext?: boolean;
    readonly raw?: boolean;
    readonly type?: string;
  },
): Promise<void> {
  if ([options.secret, options.plaintext, options.type !== undefined].filter(Boolean).length > 1)
    throw new UsageError("--secret, --plaintext and --type exclude each other");
  const { project, settings } = await configTarget(context, options);
  const { key: fullKey, path } = locateKey(project.name, key, options.path ?? false);
  const text = argument ?? (await readValue(context, options.secret ?? false, options.raw ?? false));
  settings.set(fullKey, path, await toNode(context, settings, fullKey, path, text, options));
  await settings.save();
}

export async function rm(
  context: CommandContext,
  key: string,
  options: ConfigOptions & { readonly path?: boolean },
): Promise<void> {
  const { project, settings } = await configTarget(context, options);
  const { key: fullKey, path } = locateKey(project.name, key, options.path ?? false);
  settings.remove(fullKey, path);
  await settings.save();
}

async function readValue(context: CommandContext, secret: boolean, raw: boolean): Promise<string> {
  if (!process.stdin.isTTY) {
    const text = await readStandardInput();
    return raw ? text : text.replace(/\r?\n$/, "");
  }
  if (!context.terminal.interactive)
    throw new ConfirmationRequiredError("config value must be specified in non-interactive mode");
  return secret ? context.terminal.askSecret("value: ") : ((await context.terminal.ask("value: ")) ?? "");
}

async function toNode(
  context: CommandContext,
  settings: StackSettings,
  key: string,
  path: readonly PathSegment[],
  text: string,
  options: { readonly secret?: boolean; readonly plaintext?: boolean; readonly type?: string },
): Promise<ConfigNode> {
  if (options.secret) return { secure: (await context.crypter(settings)).encrypt(text) };
  if (options.type !== undefined) return typed(text, options.type);
  if (!options.plaintext && looksLikeSecret(key, text))
    throw new ConfigError(
      `config value for '${key}' looks like a secret; ` +
        "rerun with --secret to encrypt it, or --plaintext if you meant to store in plaintext",
    );
  return nodeOf(text, path);
}

function typed(text: string, type: string): ConfigNode {
  switch (type) {
    case "string":
      return text;
    case "bool":
      if (text === "true" || text === "false") return text === "true";
      break;
    case "int":
      if (/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
      break;
    case "float":
      if (text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
      break;
    default:
      throw new ConfigError(`invalid type "${type}"; must be one of string, int, bool, or float`);
  }
  throw new ConfigError(`'${text}' is no ${type}`);
}

interface JsonEntry {
  readonly value?: string;
  readonly objectValue?: unknown;
  readonly secret: boolean;
}

function jsonEntry(node: ConfigNode, decrypt: (ciphertext: string) => string, reveal: boolean): JsonEntry {
  const { value, secret, object } = resolveConfigValue(node, decrypt);
  if (secret && !reveal) return { secret };
  return { value, ...(object && { objectValue: JSON.parse(value) as unknown }), secret };
}
