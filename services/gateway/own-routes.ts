import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { TaskIdentity } from "../runtime/task-token.ts";
import { INSIDE } from "../sandbox/inner-script.ts";
import type { Exchange } from "./exchange.ts";
import type { EgressTarget } from "./target.ts";

/** A request to the gateway itself, and not through it to somebody else. */
export interface OwnRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path and query. */
  readonly path: string;
  /**
   * Whose request it is; its connection counts as that task's from here on.
   *
   * @throws NotAuthenticatedError, TooManyConnectionsError
   */
  readonly identify: () => Promise<TaskIdentity>;
  /** For what leaves the machine as the workspace's own traffic: what log and metrics say of it. */
  readonly exchange: Exchange;
  /**
   * Connects to a server that the workspace's rules allow, as the proxy does.
   *
   * @throws EgressRefusedError
   */
  readonly connect: (identity: TaskIdentity, target: EgressTarget) => Promise<Socket>;
}

/** What the gateway serves itself, below a path. */
export interface OwnRoutes {
  /** E.g. `/v1/`. */
  readonly prefix: string;
  /** Never rejects. */
  handle(own: OwnRequest): Promise<void>;
}

/** How the gateway is called inside a sandbox. Clients that send everything through the proxy ask for it by this name. */
const OWN_URL = new RegExp(`^http://(?:127\\.0\\.0\\.1|localhost):${INSIDE.proxyPort}(/.*)$`, "i");

/** The path of a request to the gateway itself, in either form; undefined for a request to somebody else. */
export function ownPath(url: string): string | undefined {
  return url.startsWith("/") ? url : OWN_URL.exec(url)?.[1];
}
