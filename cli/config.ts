import { readFileSync } from "node:fs";
import path from "node:path";
import type { CliConfig } from "../contracts/cli-config.ts";
import { CliError, UsageError } from "./errors.ts";
import { EXIT } from "./exit-codes.ts";

/** What the command line was given to find and use the API; each wins over the next source. */
export interface ConnectionFlags {
  readonly apiUrl?: string | undefined;
  readonly token?: string | undefined;
  readonly workspace?: string | undefined;
}

export interface Connection {
  readonly apiUrl: string;
  readonly token: string;
  readonly workspaceId: string | undefined;
}

const FILE = path.join(".automatos", "cli.json");

/**
 * Flags win over AUTOMATOS_API_URL and AUTOMATOS_TOKEN, and those over the nearest `.automatos/cli.json` upwards. The
 * file's token is sent to the file's API only: with another URL a token must be given with it.
 */
export async function resolveConnection(
  flags: ConnectionFlags,
  environment: Readonly<Record<string, string | undefined>>,
  folder: string,
): Promise<Connection> {
  const given = {
    apiUrl: flags.apiUrl ?? nonEmpty(environment["AUTOMATOS_API_URL"]),
    token: flags.token ?? nonEmpty(environment["AUTOMATOS_TOKEN"]),
  };
  const workspaceId = flags.workspace ?? nonEmpty(environment["AUTOMATOS_WORKSPACE"]);
  const file = given.apiUrl !== undefined && given.token !== undefined ? undefined : await nearestFile(folder);
  const apiUrl = given.apiUrl ?? file?.config.apiUrl;
  if (apiUrl === undefined) {
    throw new UsageError(
      `no API is known: there is no ${FILE} in ${folder} or above`,
      "Run `npm start` in the project, or set AUTOMATOS_API_URL and AUTOMATOS_TOKEN.",
    );
  }
  if (!/^https?:\/\/[^/]/.test(apiUrl))
    throw new UsageError(`${apiUrl} is no URL of an API`, "Give http(s)://host:port.");
  const isFilesApi = file !== undefined && withoutSlash(file.config.apiUrl) === withoutSlash(apiUrl);
  const token = given.token ?? (isFilesApi ? file.config.token : undefined);
  if (token === undefined) {
    throw new UsageError(`no token is known for ${apiUrl}`, "Set AUTOMATOS_TOKEN, or give --token.");
  }
  return {
    apiUrl: withoutSlash(apiUrl),
    token,
    workspaceId: workspaceId ?? (isFilesApi ? file.config.workspaceId : undefined),
  };
}

const nonEmpty = (text: string | undefined): string | undefined => (text === "" ? undefined : text);
const withoutSlash = (url: string): string => url.replace(/\/+$/, "");

async function nearestFile(folder: string): Promise<{ readonly config: CliConfig } | undefined> {
  for (let current = path.resolve(folder); ; current = path.dirname(current)) {
    const file = path.join(current, FILE);
    const text = readIfPresent(file);
    if (text !== undefined) return { config: await parse(file, text) };
    if (current === path.dirname(current)) return undefined;
  }
}

function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new CliError(`${file} cannot be read: ${(error as Error).message}`, {
      remedy: "Run the command as the user who ran `npm start`, or set AUTOMATOS_API_URL and AUTOMATOS_TOKEN.",
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}

async function parse(file: string, text: string): Promise<CliConfig> {
  const [{ CliConfig }, { z }] = await Promise.all([import("../contracts/cli-config.ts"), import("zod")]);
  const remedy = "Run `npm start` in its project: it writes the file anew.";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new UsageError(`${file} is not JSON`, remedy);
  }
  const parsed = CliConfig.safeParse(json);
  if (!parsed.success) throw new UsageError(`${file} is not valid`, remedy, z.prettifyError(parsed.error).split("\n"));
  return parsed.data;
}
