/** `pulumi config set-all`, `rm-all` and `cp`: several values at once. */
import { getAt, type ConfigNode } from "../../backend/config-path.ts";
import { hasSecret, mapSecrets, shortConfigKey } from "../../backend/config-values.ts";
import { ConfigError, UsageError } from "../../backend/errors.ts";
import type { StackReference } from "../../backend/stack-reference.ts";
import type { CommandContext } from "../context.ts";
import { configTarget, locateKey, nodeOf, type ConfigOptions } from "./config-target.ts";

interface SetAllOptions extends ConfigOptions {
  readonly path?: boolean;
  /** `key=value` each, as `secret`. */
  readonly plaintext?: readonly string[];
  readonly secret?: readonly string[];
  /** As `config --json --show-secrets` prints it. */
  readonly json?: string;
}

/** Nothing is set unless everything can be. */
export async function setAll(context: CommandContext, options: SetAllOptions): Promise<void> {
  const { plaintext = [], secret = [], path = false, json } = options;
  if (json !== undefined && (plaintext.length > 0 || secret.length > 0 || path))
    throw new UsageError("the --json option cannot be used with the --plaintext, --secret or --path options");
  const { project, settings } = await configTarget(context, options);
  for (const pair of plaintext) {
    const [key, value] = splitPair(pair);
    const target = locateKey(project.name, key, path);
    settings.set(target.key, target.path, nodeOf(value, target.path));
  }
  for (const pair of secret) {
    const [key, value] = splitPair(pair);
    const target = locateKey(project.name, key, path);
    settings.set(target.key, target.path, { secure: (await context.crypter(settings)).encrypt(value) });
  }
  for (const [key, entry] of json === undefined ? [] : jsonEntries(json)) {
    const crypter = entry.secret ? await context.crypter(settings) : undefined;
    const target = locateKey(project.name, key, false);
    settings.set(
      target.key,
      [],
      jsonNode(entry, (text) => crypter?.encrypt(text) ?? text),
    );
  }
  await settings.save();
}

export async function rmAll(
  context: CommandContext,
  keys: readonly string[],
  options: ConfigOptions & { readonly path?: boolean },
): Promise<void> {
  const { project, settings } = await configTarget(context, options);
  for (const given of keys) {
    const { key, path } = locateKey(project.name, given, options.path ?? false);
    settings.remove(key, path);
  }
  await settings.save();
}

/** Copies one value, or all of them, to another stack; secrets are encrypted with that one's passphrase. */
export async function copy(
  context: CommandContext,
  key: string | undefined,
  options: ConfigOptions & { readonly path?: boolean; readonly dest?: string },
): Promise<void> {
  if (options.dest === undefined) throw new UsageError("name the stack to copy to with --dest");
  const from = await context.requireStack(options.stack);
  const to = await context.requireStack(options.dest);
  if (from.name === to.name && from.project === to.project)
    throw new ConfigError("current stack and destination stack are the same");
  await copyConfig(context, from, to, key === undefined ? undefined : { key, isPath: options.path ?? false });
}

/** @param only One value; all of them otherwise. */
export async function copyConfig(
  context: CommandContext,
  from: StackReference,
  to: StackReference,
  only?: { readonly key: string; readonly isPath: boolean },
): Promise<void> {
  const project = await context.project();
  const [source, target] = [await context.settings(from), await context.settings(to)];
  const copies: { key: string; path: readonly (string | number)[]; node: ConfigNode }[] = [];
  if (only === undefined) for (const [key, node] of source.config()) copies.push({ key, path: [], node });
  else {
    const { key, path } = locateKey(project.name, only.key, only.isPath);
    const node = getAt(source.config().get(key), path);
    if (node === undefined)
      throw new ConfigError(
        `configuration key '${shortConfigKey(project.name, key)}' not found for stack '${from.name}'`,
      );
    copies.push({ key, path, node });
  }
  for (const { key, path, node } of copies) {
    if (!hasSecret(node)) target.set(key, path, node);
    else {
      const [old, own] = [await context.crypter(source), await context.crypter(target)];
      target.set(
        key,
        path,
        mapSecrets(node, (ciphertext) => own.encrypt(old.decrypt(ciphertext))),
      );
    }
  }
  if (copies.length > 0) await target.save();
}

function splitPair(pair: string): [key: string, value: string] {
  const at = pair.indexOf("=");
  if (at < 0) throw new UsageError(`config value must be in the form [key]=[value]; '${pair}' has no '='`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

interface JsonEntry {
  readonly value: string;
  readonly objectValue?: ConfigNode;
  readonly secret: boolean;
}

/** @throws ConfigError naming the key that has no value. */
function jsonEntries(text: string): [string, JsonEntry][] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError("could not parse --json argument: it is not JSON", cause);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content))
    throw new ConfigError("could not parse --json argument: it is no map of keys");
  return Object.entries(content as Record<string, Partial<JsonEntry> | null>).map(([key, entry]) => {
    if (typeof entry?.value !== "string") throw new ConfigError(`value for --json object key "${key}" is nil`);
    const { value, objectValue } = entry;
    return [key, { value, ...(objectValue !== undefined && { objectValue }), secret: entry.secret === true }];
  });
}

/** Of a secret list or map every text is encrypted: which one of them was secret is not in the JSON. */
function jsonNode(entry: JsonEntry, encrypt: (text: string) => string): ConfigNode {
  if (entry.objectValue === undefined) return entry.secret ? { secure: encrypt(entry.value) } : entry.value;
  return entry.secret ? encryptLeaves(entry.objectValue, encrypt) : entry.objectValue;
}

function encryptLeaves(node: ConfigNode, encrypt: (text: string) => string): ConfigNode {
  if (Array.isArray(node)) return node.map((element) => encryptLeaves(element, encrypt));
  if (typeof node !== "object" || node === null) return { secure: encrypt(String(node)) };
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, encryptLeaves(value, encrypt)]));
}
