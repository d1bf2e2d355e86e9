/** Where Pulumi keeps what belongs to a user and to a state store, as its own file backend lays it out. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { readIfExists } from "./files.ts";
import { EngineError, UnsupportedError } from "./errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of credentials and of the selected stacks: PULUMI_HOME, or `.pulumi` in the user's home. */
export function pulumiHome(env: Environment): string {
  const set = env["PULUMI_HOME"];
  return set === undefined || set === "" ? join(env["HOME"] ?? homedir(), ".pulumi") : resolve(set);
}

/** A state store: the URL as it was written (which names it in the workspace's settings) and its folder. */
export interface StateStore {
  readonly url: string;
  readonly folder: string;
}

/**
 * The state store of a project: PULUMI_BACKEND_URL, then `backend.url` of Pulumi.yaml, then where `pulumi login` last
 * went, then the project's own folder.
 * @throws UnsupportedError when it is not a `file://` URL.
 */
export async function findStateStore(
  env: Environment,
  project: { readonly folder: string; readonly backendUrl?: string | undefined },
): Promise<StateStore> {
  const url =
    nonEmpty(env["PULUMI_BACKEND_URL"]) ??
    nonEmpty(project.backendUrl) ??
    (await loggedInTo(env)) ??
    `file://${project.folder}`;
  if (!url.startsWith("file://"))
    throw new UnsupportedError(`the state store ${hideUser(url)}: only file:// is built in`);
  return { url, folder: folderOf(url, env) };
}

function folderOf(url: string, env: Environment): string {
  const path = url.slice("file://".length).split("?")[0] ?? "";
  if (path === "~") return env["HOME"] ?? homedir();
  if (path.startsWith("~/")) return join(env["HOME"] ?? homedir(), path.slice(2));
  return resolve(path === "" ? "." : decodeURIComponent(path));
}

async function loggedInTo(env: Environment): Promise<string | undefined> {
  const file = join(pulumiHome(env), "credentials.json");
  const text = await readIfExists(file);
  if (text === undefined) return undefined;
  try {
    const credentials = JSON.parse(text) as { current?: unknown };
    return typeof credentials.current === "string" ? nonEmpty(credentials.current) : undefined;
  } catch (cause) {
    throw new EngineError("CREDENTIALS_INVALID", `could not read ${file}: it is not JSON`, { cause });
  }
}

function hideUser(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//****@");
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
