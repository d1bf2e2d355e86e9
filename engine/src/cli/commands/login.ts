/** `pulumi login`, `logout`, `whoami`. */
import { hostname, userInfo } from "node:os";
import { removeLogin, saveLogin } from "../../backend/credentials.ts";
import { UnsupportedError, UsageError } from "../../backend/errors.ts";
import { hideSecrets, parseStateStoreUrl, pulumiHome, stateStoreUrl } from "../../backend/locations.ts";
import type { CommandContext } from "../context.ts";
import { structJson } from "../json.ts";

interface StoreOptions {
  readonly cloudUrl?: string;
  readonly local?: boolean;
}

/** Goes to a store: from here on, projects use it that name none. @throws EngineError when it cannot be used. */
export async function login(
  context: CommandContext,
  argument: string | undefined,
  options: StoreOptions & { readonly defaultOrg?: string; readonly insecure?: boolean; readonly interactive?: boolean },
): Promise<void> {
  const given = namedUrl(argument, options);
  if (options.defaultOrg !== undefined)
    throw new UnsupportedError("--default-org", "stores of files have no organizations");
  const url = given ?? (await currentUrl(context));
  parseStateStoreUrl(url, context.env);
  const fromEnvironment = context.env["PULUMI_BACKEND_URL"];
  if (given !== undefined && fromEnvironment && fromEnvironment !== given)
    context.warn(
      `the PULUMI_BACKEND_URL environment variable is set to '${hideSecrets(fromEnvironment)}', ` +
        `which conflicts with the login URL '${hideSecrets(given)}'`,
    );
  await (await context.openStore(url)).prepare();
  await saveLogin(pulumiHome(context.env), url);
  context.terminal.out(`Logged in to ${hostname()} as ${userName()} (${hideSecrets(url)})\n`);
}

export async function logout(
  context: CommandContext,
  argument: string | undefined,
  options: StoreOptions & { readonly all?: boolean },
): Promise<void> {
  const home = pulumiHome(context.env);
  const given = namedUrl(argument, options);
  if (options.all) {
    if (given !== undefined)
      throw new UsageError("only one of --all, --cloud-url or argument URL may be specified, not both");
    await removeLogin(home, undefined);
    context.terminal.out("Logged out of everything\n");
    return;
  }
  const url = given ?? (await currentUrl(context));
  await removeLogin(home, url);
  context.terminal.out(`Logged out of ${hideSecrets(url)}\n`);
}

export async function whoami(
  context: CommandContext,
  options: { readonly json?: boolean; readonly verbose?: boolean | string },
): Promise<void> {
  const { url } = await context.store();
  const user = userName();
  const { out } = context.terminal;
  if (options.json) out(structJson({ user, url: hideSecrets(url) }));
  else if (options.verbose)
    out(`User: ${user}\nOrganizations: \nBackend URL: ${hideSecrets(url)}\nToken type: personal\n`);
  else out(`${user}\n`);
}

export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown"); // a user id without a name, as containers have them
  }
}

/** @throws UsageError when it is named twice. */
function namedUrl(argument: string | undefined, options: StoreOptions): string | undefined {
  const { cloudUrl, local } = options;
  if (argument !== undefined && cloudUrl !== undefined)
    throw new UsageError("only one of --cloud-url or argument URL may be specified, not both");
  if (local && (argument ?? cloudUrl) !== undefined)
    throw new UsageError("a URL may not be specified when --local mode is enabled");
  return local ? "file://~" : (argument ?? cloudUrl);
}

async function currentUrl(context: CommandContext): Promise<string> {
  return stateStoreUrl(context.env, (await context.findProject()) ?? { folder: process.cwd() });
}
