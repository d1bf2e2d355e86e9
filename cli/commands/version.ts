import { readFileSync } from "node:fs";
import path from "node:path";
import { ApiVersion } from "../../contracts/http-api.ts";
import { Context, type GlobalOptions } from "../context.ts";
import { CliError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";

/** Of the product that this command line belongs to. */
export function ownVersion(): string {
  const file = path.resolve(import.meta.dirname, "../../package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** Also works, and ends well, where no API is to be had. */
export async function version(options: GlobalOptions): Promise<number> {
  const own = ownVersion();
  const api = await apiVersion(options);
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ version: own, node: process.version, api }, undefined, 2)}\n`);
  else {
    const about = "version" in api ? `${api.version} at ${api.url}` : api.error;
    process.stdout.write(`automatos ${own} (Node ${process.version})\nAPI ${about}\n`);
  }
  return EXIT.ok;
}

type ApiAnswer = { readonly url: string; readonly version: string } | { readonly error: string };

async function apiVersion(options: GlobalOptions): Promise<ApiAnswer> {
  try {
    const { client } = await Context.create(options);
    const answer = await client.call("GET", "/api/version", ApiVersion);
    return { url: client.apiUrl, version: answer.version };
  } catch (error) {
    if (error instanceof CliError) return { error: error.message };
    throw error;
  }
}
