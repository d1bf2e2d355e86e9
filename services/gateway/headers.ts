/** Headers that speak about one connection and not about the message; `Connection` can name more. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);
/** Named in `Connection` they would take the message's frame or destination away. */
const NEVER_NAMED: ReadonlySet<string> = new Set(["content-length", "host"]);

/**
 * The headers of a message that belong to it and travel on, as name, value, name, value, in order and repeated as they
 * were. How the body is framed on the next connection is for that connection to say.
 */
export function endToEndHeaders(
  rawHeaders: readonly string[],
  options: { readonly drop: readonly string[] },
): string[] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    pairs.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
  }
  const named = pairs
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) => value.split(",").map((item) => item.trim().toLowerCase()))
    .filter((name) => !NEVER_NAMED.has(name));
  const dropped = new Set([...HOP_BY_HOP, ...named, ...options.drop]);
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase())).flat();
}
