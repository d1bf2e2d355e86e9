/** Where Pulumi keeps what belongs to a user and to a state store, as its own command line lays it out. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { currentLogin } from "./credentials.ts";
import { UnsupportedError } from "./errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of credentials and of the selected stacks: PULUMI_HOME, or `.pulumi` in the user's home. */
export function pulumiHome(env: Environment): string {
  const set = env["PULUMI_HOME"];
  return set === undefined || set === "" ? join(userHome(env), ".pulumi") : resolve(set);
}

function userHome(env: Environment): string {
  return env["HOME"] ?? homedir();
}

/**
 * The URL of a project's state store: PULUMI_BACKEND_URL, then `backend.url` of Pulumi.yaml, then where `pulumi login`
 * last went, then the project's own folder.
 */
export async function stateStoreUrl(
  env: Environment,
  project: { readonly folder: string; readonly backendUrl?: string | undefined },
): Promise<string> {
  return (
    nonEmpty(env["PULUMI_BACKEND_URL"]) ??
    nonEmpty(project.backendUrl) ??
    (await currentLogin(pulumiHome(env))) ??
    `file://${project.folder}`
  );
}

export type StateStoreLocation =
  { readonly kind: "folder"; readonly folder: string } | { readonly kind: "bucket"; readonly url: string };

/** @throws UnsupportedError when it is neither a folder nor a bucket of an S3-compatible server. */
export function parseStateStoreUrl(url: string, env: Environment): StateStoreLocation {
  if (url.startsWith("file://")) return { kind: "folder", folder: folderOf(url, env) };
  if (url.startsWith("s3://")) return { kind: "bucket", url };
  throw new UnsupportedError(`the state store ${hideSecrets(url)}: only file:// and s3:// are built in`);
}

/** The URL as it may be shown: without what stands before an @. */
export function hideSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//****@");
}

function folderOf(url: string, env: Environment): string {
  const path = url.slice("file://".length).split("?")[0] ?? "";
  if (path === "~") return userHome(env);
  if (path.startsWith("~/")) return join(userHome(env), path.slice(2));
  return resolve(path === "" ? "." : decodeURIComponent(path));
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
