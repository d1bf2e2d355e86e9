import ipaddr from "ipaddr.js";
import type { Endpoint } from "../../contracts/endpoint.ts";

const DEFAULT_POSTGRES_PORT = 5_432;
/** Where a name leads may change: a container that is made anew has another address. */
const REFRESH_MS = 10_000;

const canonical = (address: string) => ipaddr.process(address).toString();
const isLoopback = (address: string) => ipaddr.process(address).range() === "loopback";

/** Where a database is, of its URL (`postgres://…`). */
export function databaseEndpoint(databaseUrl: string): Endpoint {
  const { hostname, port } = new URL(databaseUrl);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || DEFAULT_POSTGRES_PORT) };
}

/**
 * Endpoints of the platform itself, which stay closed to tasks even when a rule lists them. Every loopback address
 * counts as the same machine. While it is not known where a name leads, its port is closed on every address.
 */
export class ProtectedEndpoints {
  readonly #endpoints: readonly Endpoint[];
  readonly #resolve: (host: string) => Promise<readonly string[]>;
  /** `undefined` until its name has been resolved for the first time. */
  readonly #addresses = new Map<Endpoint, ReadonlySet<string>>();
  #timer: NodeJS.Timeout | undefined;

  /** @param resolve All addresses of a host; rejects when it has none. */
  constructor(endpoints: readonly Endpoint[], resolve: (host: string) => Promise<readonly string[]>) {
    this.#endpoints = endpoints;
    this.#resolve = resolve;
  }

  /** Asks where each leads, now and every 10 s from now on. Waits for no answer: a name server may be away. */
  start(): void {
    void this.refresh();
    this.#timer = setInterval(() => void this.refresh(), REFRESH_MS).unref();
  }

  /** One that has no address at present keeps those that it had. */
  async refresh(): Promise<void> {
    await Promise.all(
      this.#endpoints.map(async (endpoint) => {
        const found = await this.#resolve(endpoint.host).catch(() => undefined);
        if (found !== undefined) this.#addresses.set(endpoint, new Set(found.map(canonical)));
      }),
    );
  }

  isProtected(address: string, port: number): boolean {
    return this.#endpoints.some((endpoint) => {
      if (endpoint.port !== port) return false;
      const addresses = this.#addresses.get(endpoint);
      if (addresses === undefined || addresses.has(canonical(address))) return true;
      return isLoopback(address) && [...addresses].some(isLoopback);
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
