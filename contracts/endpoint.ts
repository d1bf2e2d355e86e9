import { z } from "zod";

/** Where a service listens: a host name or an address, and a TCP port. */
export interface Endpoint {
  /** Without the brackets that an IPv6 address has in text. */
  readonly host: string;
  readonly port: number;
}

/** `gateway:3128`, `127.0.0.1:3128`, `[fd00::1]:3128`. */
const TEXT = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?)):(\d{1,5})$/;

/** `host:port` as text, parsed to its parts. */
export const EndpointText = z.string().transform((text, context): Endpoint => {
  const [, ipv6, name, digits] = TEXT.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    context.addIssue({ code: "custom", message: "must be host:port, e.g. gateway:3128 or [fd00::1]:3128" });
    return z.NEVER;
  }
  return { host, port };
});

/** The base of an endpoint's URLs. */
export const httpUrl = ({ host, port }: Endpoint): string =>
  `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
