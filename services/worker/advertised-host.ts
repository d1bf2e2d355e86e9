import { hostname } from "node:os";

const EVERY_ADDRESS = new Set(["0.0.0.0", "::", "[::]"]);

/** The host name by which others reach what listens on `listenHost`: nobody can connect to "every address". */
export const advertisedHost = (listenHost: string, advertised: string | undefined): string =>
  advertised ?? (EVERY_ADDRESS.has(listenHost) ? hostname() : listenHost);
