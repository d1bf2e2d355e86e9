/** Where `pulumi login` went: `credentials.json` in Pulumi's home, shared with Pulumi itself. */
import { join } from "node:path";
import { EngineError } from "./errors.ts";
import { readIfExists, writeFileAtomic } from "./files.ts";

/** workspace.Credentials; what else is in it is Pulumi's own, and is carried over. */
interface Credentials {
  readonly current?: string;
  readonly accessTokens?: Readonly<Record<string, string>>;
  readonly accounts?: Readonly<Record<string, object>>;
  readonly [other: string]: unknown;
}

/** The URL of the store that is logged in to; undefined when there is none. */
export async function currentLogin(home: string): Promise<string | undefined> {
  const { current } = await read(home);
  return typeof current === "string" && current !== "" ? current : undefined;
}

/** Makes a store the one that projects use which name none. A store of this engine's needs no token. */
export async function saveLogin(home: string, url: string): Promise<void> {
  const before = await read(home);
  await write(home, {
    ...before,
    current: url,
    accessTokens: { ...before.accessTokens, [url]: "" },
    accounts: { ...before.accounts, [url]: { lastValidatedAt: "0001-01-01T00:00:00Z" } },
  });
}

/** Forgets one store, or all with undefined. */
export async function removeLogin(home: string, url: string | undefined): Promise<void> {
  const before = await read(home);
  if (url === undefined) {
    await write(home, { current: "", accessTokens: {}, accounts: {} });
    return;
  }
  const without = <Value>(map: Readonly<Record<string, Value>> | undefined): Record<string, Value> =>
    Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => key !== url));
  await write(home, {
    ...before,
    current: before.current === url ? "" : (before.current ?? ""),
    accessTokens: without(before.accessTokens),
    accounts: without(before.accounts),
  });
}

function fileIn(home: string): string {
  return join(home, "credentials.json");
}

async function write(home: string, credentials: Credentials): Promise<void> {
  await writeFileAtomic(fileIn(home), `${JSON.stringify(credentials, undefined, 4)}\n`);
}

async function read(home: string): Promise<Credentials> {
  const file = fileIn(home);
  const text = await readIfExists(file);
  if (text === undefined) return {};
  try {
    return (JSON.parse(text) as Credentials | null) ?? {};
  } catch (cause) {
    throw new EngineError("CREDENTIALS_INVALID", `could not read ${file}: it is not JSON`, {
      remedy: "Remove it, and `pulumi login` again.",
      cause,
    });
  }
}
