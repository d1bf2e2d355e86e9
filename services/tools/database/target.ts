import { isIP } from "node:net";
import { DatabaseUrlInvalidError } from "./database-errors.ts";

export interface DatabaseTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: boolean;
}

const DEFAULT_PORT = 5_432;
const PLAIN = new Set(["disable"]);
const VERIFIED = new Set(["require", "verify-ca", "verify-full"]);

/**
 * Reads a connection URL. The driver's own reader takes parameters that name files of this machine and other hosts; here
 * only `sslmode` is known: `disable`, or anything from `require` on, which all mean that the certificate is verified.
 * Without it, TLS is used except to loopback.
 *
 * @throws DatabaseUrlInvalidError that shows nothing of the URL
 */
export function parseDatabaseUrl(name: string, text: string): DatabaseTarget {
  const refuse = (problem: string) => new DatabaseUrlInvalidError(name, problem);
  if (!URL.canParse(text)) throw refuse("is no URL");
  const url = new URL(text);
  if (!/^postgres(ql)?:$/.test(url.protocol)) throw refuse("is no postgres:// URL");
  const host = decode(url.hostname.replace(/^\[|\]$/g, ""));
  const user = decode(url.username);
  const database = decode(url.pathname.slice(1));
  if (host === undefined || host === "" || host.includes("/")) throw refuse("names no host");
  if (user === undefined || user === "") throw refuse("names no user");
  if (database === undefined || database === "" || database.includes("/")) throw refuse("names no database");
  const unknown = [...url.searchParams.keys()].find((key) => key !== "sslmode");
  if (unknown !== undefined) throw refuse("has a parameter other than sslmode");
  const mode = url.searchParams.get("sslmode") ?? (isLoopback(host) ? "disable" : "verify-full");
  if (!PLAIN.has(mode) && !VERIFIED.has(mode))
    throw refuse("has an sslmode other than disable, require or verify-full");
  const password = decode(url.password);
  if (password === undefined) throw refuse("has a password that is not percent-encoded");
  const port = url.port === "" ? DEFAULT_PORT : Number(url.port);
  return { host, port, user, password, database, tls: VERIFIED.has(mode) };
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
