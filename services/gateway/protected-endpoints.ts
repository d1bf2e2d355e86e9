import ipaddr from "ipaddr.js";

const isLoopback = (address: string) => ipaddr.process(address).range() === "loopback";

/**
 * Tells whether an address and port is the database's, which stays closed to tasks even when a rule lists it. Every
 * loopback address counts as the same machine.
 *
 * @param databaseUrl `postgres://…`
 * @param resolve All addresses of the database's host; asked once, at start. Rejects when it has none.
 */
export async function databaseGuard(
  databaseUrl: string,
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<(address: string, port: number) => boolean> {
  const url = new URL(databaseUrl);
  const port = Number(url.port || "5432");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const addresses = new Set((await resolve(host)).map((address) => ipaddr.process(address).toString()));
  const onThisMachine = [...addresses].some(isLoopback);
  return (address, toPort) =>
    toPort === port && (addresses.has(ipaddr.process(address).toString()) || (onThisMachine && isLoopback(address)));
}
