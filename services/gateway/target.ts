import ipaddr from "ipaddr.js";

/** Where a request wants to go, in the one spelling that rules, resolver and logs use. */
export interface EgressTarget {
  /** A name in lower case without a trailing dot, or an address in its shortest form, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** True when `host` is an address and nothing is to be resolved. */
  readonly isAddress: boolean;
}

/** The request names no destination that could be checked; `message` says what is wrong with it. */
export class InvalidTargetError extends Error {}

const MAX_NAME_CHARS = 253;
const NAME = /^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

/**
 * Reads `host:port` of a CONNECT request or of a Host header. Odd spellings of addresses (decimal, octal, hexadecimal,
 * short forms) become the address that a resolver would take them for; whatever has more than one reading is refused.
 *
 * @param defaultPort Used when there is no port; undefined: a port must be given.
 * @throws InvalidTargetError
 */
export function parseAuthority(authority: string, defaultPort: number | undefined): EgressTarget {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?$/.exec(authority);
  if (match?.[1] === undefined) throw new InvalidTargetError("the destination is not of the form host:port");
  const port = match[2] === undefined ? defaultPort : Number(match[2]);
  if (port === undefined) throw new InvalidTargetError("the destination has no port");
  if (port < 1 || port > 65_535) throw new InvalidTargetError("the destination's port is not between 1 and 65535");
  return { ...canonicalHost(match[1]), port };
}

/**
 * Reads the absolute URL of a plain HTTP request to a proxy.
 *
 * @throws InvalidTargetError for anything but `http://host[:port]/path`: another scheme, credentials, a fragment.
 */
export function parseAbsoluteUrl(url: string): { readonly target: EgressTarget; readonly path: string } {
  const match = /^http:\/\/([^/?#]*)([/?][^#]*)?$/i.exec(url);
  if (match?.[1] === undefined) {
    throw new InvalidTargetError("a request to this proxy is CONNECT host:port, or has an absolute http:// URL");
  }
  const path = match[2] ?? "/";
  return { target: parseAuthority(match[1], 80), path: path.startsWith("/") ? path : `/${path}` };
}

/** @throws InvalidTargetError */
export function canonicalHost(text: string): { readonly host: string; readonly isAddress: boolean } {
  let parsed: string;
  try {
    // The URL parser knows every spelling of an IPv4 address (0x7f.1, 017700000001, 2130706433).
    parsed = new URL(`http://${text}/`).hostname;
  } catch (cause) {
    throw new InvalidTargetError("the destination's host is no name and no address", { cause });
  }
  const host = parsed.startsWith("[") ? parsed.slice(1, -1) : parsed.replace(/\.$/, "");
  if (ipaddr.isValid(host)) return { host: ipaddr.parse(host).toString(), isAddress: true };
  if (host.length > MAX_NAME_CHARS || !NAME.test(host)) {
    throw new InvalidTargetError("the destination's host is no name and no address");
  }
  return { host, isAddress: false };
}

/** `host:port` as it stands in messages, rules and Host headers; the port is left out when it is `omitPort`. */
export function formatTarget(target: EgressTarget, omitPort?: number): string {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  return target.port === omitPort ? host : `${host}:${target.port}`;
}
