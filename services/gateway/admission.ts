import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { SharedConnections } from "../runtime/shared-connections.ts";
import type { TaskIdentity } from "../runtime/task-token.ts";
import type { Dial } from "./dial.ts";
import type { EgressPolicy } from "./egress-policy.ts";
import type { Exchange } from "./exchange.ts";
import { InvalidRequestError, NotAuthenticatedError, TooManyConnectionsError } from "./refusals.ts";
import { type EgressTarget, InvalidTargetError } from "./target.ts";

export interface AdmissionDeps {
  /** Who a token belongs to; rejects for a token that is not good. */
  readonly verifyToken: (token: string) => Promise<TaskIdentity>;
  readonly policy: EgressPolicy;
  readonly connections: SharedConnections;
  readonly dial: Dial;
  readonly connectTimeoutMs: number;
}

/**
 * The whole of what is checked before a byte goes out: who asks, where to, whether that is allowed, and which address
 * it leads to. Resolves to the open connection.
 *
 * @throws EgressRefusedError
 */
export async function admit(
  deps: AdmissionDeps,
  exchange: Exchange,
  request: IncomingMessage,
  readTarget: () => EgressTarget,
): Promise<Socket> {
  const identity = await authenticate(deps, request.headers["proxy-authorization"]);
  exchange.identity = identity;
  assignTo(deps.connections, request.socket, identity.taskId);
  const target = parse(readTarget);
  exchange.target = target;
  return connectTo(deps, exchange, request, identity, target);
}

/**
 * Connects to where a task wants to go, if its workspace's rules allow it.
 *
 * @throws EgressRefusedError
 */
export async function connectTo(
  deps: Pick<AdmissionDeps, "policy" | "dial" | "connectTimeoutMs">,
  exchange: Exchange,
  request: IncomingMessage,
  identity: TaskIdentity,
  target: EgressTarget,
): Promise<Socket> {
  const gone = new AbortController();
  const abort = () => gone.abort(new Error("the client went away"));
  request.socket.once("close", abort);
  try {
    if (request.socket.destroyed) abort();
    const addresses = await deps.policy.decide(identity.workspaceId, target, gone.signal);
    exchange.addresses = addresses;
    const upstream = await deps.dial({ target, addresses, timeoutMs: deps.connectTimeoutMs, signal: gone.signal });
    exchange.allowed(upstream);
    return upstream;
  } finally {
    request.socket.off("close", abort);
  }
}

/**
 * Who asks: `Proxy-Authorization: Basic base64("task:<token>")`, as HTTP clients send what the proxy's URL holds.
 *
 * @throws NotAuthenticatedError
 */
export async function authenticate(
  deps: Pick<AdmissionDeps, "verifyToken">,
  header: string | undefined,
): Promise<TaskIdentity> {
  const credentials = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? "")?.[1];
  if (credentials === undefined) throw new NotAuthenticatedError();
  const [user, token] = splitOnce(Buffer.from(credentials, "base64").toString("latin1"), ":");
  if (user !== "task" || token === undefined) throw new NotAuthenticatedError();
  return verify(deps, token);
}

/** Who asks the gateway itself: `Authorization: Bearer <token>`, or as a proxy is asked. @throws NotAuthenticatedError */
export async function authenticateOwn(
  deps: Pick<AdmissionDeps, "verifyToken">,
  { authorization, "proxy-authorization": proxyAuthorization }: IncomingMessage["headers"],
): Promise<TaskIdentity> {
  const token = /^bearer +([^ ]+) *$/i.exec(authorization ?? "")?.[1];
  return token === undefined ? authenticate(deps, proxyAuthorization) : verify(deps, token);
}

/** The connection is the task's from here on. @throws TooManyConnectionsError */
export function assignTo(connections: SharedConnections, socket: Socket, taskId: string): void {
  if (!connections.assign(socket, taskId)) throw new TooManyConnectionsError(taskId, connections.maxPerTask);
}

const verify = (deps: Pick<AdmissionDeps, "verifyToken">, token: string): Promise<TaskIdentity> =>
  deps.verifyToken(token).catch((cause: unknown) => {
    throw new NotAuthenticatedError(cause);
  });

function parse(readTarget: () => EgressTarget): EgressTarget {
  try {
    return readTarget();
  } catch (error) {
    if (error instanceof InvalidTargetError) throw new InvalidRequestError(error.message, error);
    throw error;
  }
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
