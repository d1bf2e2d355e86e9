/** Configuration as programs and people see it. */
import { ConfigError } from "./errors.ts";
import { isSecure, type ConfigNode } from "./config-path.ts";

/** A value as the program gets it: text, or the JSON of a list or map. */
export interface ConfigValue {
  readonly value: string;
  readonly secret: boolean;
  /** Every secret in it, decrypted. */
  readonly secretTexts: readonly string[];
  /** The value is the JSON of a list or map. */
  readonly object: boolean;
}

/** `name` belongs to the project, `other:name` to another namespace. @throws ConfigError */
export function fullConfigKey(project: string, key: string): string {
  const parts = key.split(":");
  if (parts.length === 1 && key !== "") return `${project}:${key}`;
  if (parts.length === 2 && parts[0] !== "" && parts[1] !== "") return key;
  if (parts.length === 3 && parts[1] === "config") return `${parts[0] ?? ""}:${parts[2] ?? ""}`;
  throw new ConfigError(
    `invalid configuration key: could not parse ${key} as a configuration key ` +
      "(configuration keys should be of the form `<namespace>:<name>`)",
  );
}

/** As `config` lists it: without the namespace when that is the project's. */
export function shortConfigKey(project: string, key: string): string {
  return key.startsWith(`${project}:`) ? key.slice(project.length + 1) : key;
}

export function resolveConfigValue(node: ConfigNode, decrypt: (ciphertext: string) => string): ConfigValue {
  const secret = hasSecret(node);
  const secretTexts: string[] = [];
  const plain = decryptNode(node, (ciphertext) => {
    const text = decrypt(ciphertext);
    secretTexts.push(text);
    return text;
  });
  if (typeof plain === "string") return { value: plain, secret, secretTexts, object: false };
  return { value: JSON.stringify(sortNode(plain)), secret, secretTexts, object: typeof plain === "object" };
}

export function hasSecret(node: ConfigNode): boolean {
  if (isSecure(node)) return true;
  return typeof node === "object" && node !== null && Object.values(node).some(hasSecret);
}

function decryptNode(node: ConfigNode, decrypt: (ciphertext: string) => string): ConfigNode {
  if (isSecure(node)) return decrypt(node.secure);
  if (Array.isArray(node)) return node.map((element) => decryptNode(element, decrypt));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, decryptNode(value, decrypt)]));
}

/** A value with each of its encrypted texts changed. */
export function mapSecrets(node: ConfigNode, map: (ciphertext: string) => string): ConfigNode {
  if (isSecure(node)) return { secure: map(node.secure) };
  if (Array.isArray(node)) return node.map((element) => mapSecrets(element, map));
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, mapSecrets(value, map)]));
}

/** Go writes maps in the order of their keys. */
function sortNode(node: ConfigNode): ConfigNode {
  if (Array.isArray(node)) return node.map(sortNode);
  if (typeof node !== "object" || node === null) return node;
  return Object.fromEntries(
    Object.keys(node)
      .sort()
      .map((key) => [key, sortNode(node[key] ?? null)]),
  );
}

const secretWords = /passwd|pass|password|pwd|secret|token/i;

/** Whether a plain value had better be encrypted: its name says so and it has the randomness of a credential. */
export function looksLikeSecret(key: string, value: string): boolean {
  const name = key.slice(key.indexOf(":") + 1);
  if (!secretWords.test(name)) return false;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(value)).length;
  return new Set(value.slice(0, 16)).size >= 9 && kinds >= 2;
}
