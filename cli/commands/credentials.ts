import { readFile } from "node:fs/promises";
import { text as readText } from "node:stream/consumers";
import {
  Credential,
  CredentialKeys,
  CredentialKind,
  CredentialList,
  CredentialRotation,
  type CredentialKeyUse,
} from "../../contracts/credential.ts";
import { Context, splitWorkspace, type GlobalOptions } from "../context.ts";
import { UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { localTime } from "../output/format.ts";
import { forTerminal } from "../output/style.ts";
import { table } from "../output/table.ts";
import { open } from "./workspace.ts";

export interface CredentialSetOptions extends GlobalOptions {
  readonly kind: string;
  readonly file?: string;
  readonly variable?: string;
  readonly host?: string;
  readonly user?: string;
  readonly path?: string;
  readonly knownHosts?: string;
}

/** The value comes from a file or the standard input: what is on a command line, others can read. */
export async function credentialSet(args: readonly string[], options: CredentialSetOptions): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  const [name, surplus] = rest;
  if (name === undefined) throw new UsageError("the credential has no name", "Give it one: `set npm --kind env`.");
  if (surplus !== undefined) {
    throw new UsageError(
      "a value on the command line can be read by others",
      "Give it on the standard input, or with --file.",
    );
  }
  const kind = CredentialKind.safeParse(options.kind);
  if (!kind.success)
    throw new UsageError(`${options.kind} is no kind`, `It is one of ${CredentialKind.options.join(", ")}.`);
  const body = await bodyOf(kind.data, name, options);
  const { context, path } = await open(named, options);
  const set = await context.client.call("PUT", `${path}/credentials/${encodeURIComponent(name)}`, Credential, { body });
  context.answer(set, () => `${set.name} is set (version ${set.version})`);
  return EXIT.ok;
}

export async function credentialList(named: string | undefined, options: GlobalOptions): Promise<number> {
  const { context, path } = await open(named, options);
  const list = await context.client.call("GET", `${path}/credentials`, CredentialList);
  context.answer(list, () => {
    if (list.items.length === 0) return "no credentials";
    const rows = list.items.map((credential) => [
      credential.name,
      credential.kind,
      forTerminal(credential.target, false),
      String(credential.version),
      localTime(credential.updatedAt),
      localTime(credential.lastUsedAt),
    ]);
    return table(["NAME", "KIND", "FOR", "VERSION", "CHANGED", "USED"], rows);
  });
  return EXIT.ok;
}

export async function credentialRemove(args: readonly string[], options: GlobalOptions): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  if (rest.length === 0) throw new UsageError("no credential is named", "List them to find its name.");
  const { context, path } = await open(named, options);
  for (const name of rest) await context.client.fetch("DELETE", `${path}/credentials/${encodeURIComponent(name)}`);
  context.answer({ removed: rest }, () => `removed ${rest.join(", ")}`);
  return EXIT.ok;
}

export async function credentialKeys(options: GlobalOptions): Promise<number> {
  const context = await Context.create(options);
  const list = await context.client.call("GET", "/api/admin/credential-keys", CredentialKeys);
  context.answer(list, () => keyTable(list.items));
  return EXIT.ok;
}

export async function credentialKeysRotate(options: GlobalOptions): Promise<number> {
  const context = await Context.create(options);
  const result = await context.client.call("POST", "/api/admin/credential-keys/rotate", CredentialRotation);
  context.answer(result, () => `${result.rotated} encrypted anew, ${result.remaining} left\n${keyTable(result.keys)}`);
  return result.remaining === 0 ? EXIT.ok : EXIT.failed;
}

const keyTable = (keys: readonly CredentialKeyUse[]): string =>
  table(
    ["KEY", "STATE", "CREDENTIALS"],
    keys.map(({ keyId, state, credentials }) => [keyId, state, String(credentials)]),
  );

async function bodyOf(kind: CredentialKind, name: string, options: CredentialSetOptions): Promise<object> {
  const value = await valueOf(options.file);
  const line = value.replace(/\r?\n$/, "");
  const optional = (key: string, given: string | undefined) => (given === undefined ? {} : { [key]: given });
  switch (kind) {
    case "env":
      return { kind, variable: options.variable ?? name, value: line };
    case "ssh_key": {
      const knownHosts = await readFile(needed("--known-hosts", options.knownHosts), "utf8");
      return {
        kind,
        host: needed("--host", options.host),
        ...optional("user", options.user),
        privateKey: value,
        knownHosts,
      };
    }
    case "git_https":
      return { kind, host: needed("--host", options.host), ...optional("username", options.user), token: line };
    case "file":
      return { kind, path: needed("--path", options.path), content: value, ...optional("variable", options.variable) };
    case "database":
      return { kind, url: line };
  }
}

async function valueOf(file: string | undefined): Promise<string> {
  if (file !== undefined && file !== "-") return readFile(file, "utf8");
  if (process.stdin.isTTY) process.stderr.write("The value, then Ctrl-D:\n");
  return readText(process.stdin);
}

function needed(option: string, value: string | undefined): string {
  if (value === undefined) throw new UsageError(`${option} is missing`, "See --help for what each kind needs.");
  return value;
}
