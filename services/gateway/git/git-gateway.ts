import { type IncomingMessage, request as httpRequest, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { OwnRequest, OwnRoutes } from "../own-routes.ts";
import { asRefusal } from "../internal-error.ts";
import { InvalidRequestError, problemHeaders, UpstreamFailedError, UpstreamTimeoutError } from "../refusals.ts";
import { relay } from "../relay.ts";
import { type EgressTarget, formatTarget, InvalidTargetError } from "../target.ts";
import {
  GitCredentialMissingError,
  GitCredentialRefusedError,
  GitCredentialsUnavailableError,
  GitRedirectRefusedError,
} from "./errors.ts";
import { type GitRequest, HTTPS_PORT, readGitRequest, redirectWithin } from "./git-path.ts";

/** What a workspace has for a host. */
export interface GitCredential {
  readonly name: string;
  /** `host` or `host:port`. */
  readonly host: string;
  readonly username: string;
  readonly token: string;
}

export interface GitCredentials {
  gitHttps(workspaceId: string): Promise<readonly GitCredential[]>;
  /** Says that one was used. */
  noteUse(workspaceId: string, names: readonly string[]): Promise<void>;
}

/** The headers of git's own that travel on, either way. All else stays here: cookies, and what else would be secret. */
const REQUEST_HEADERS = ["accept", "accept-encoding", "content-encoding", "content-type", "git-protocol", "user-agent"];
const RESPONSE_HEADERS = ["cache-control", "content-encoding", "content-length", "content-type", "expires", "pragma"];
const PREFIX = "/git/";

/**
 * git over HTTPS with a token that never enters a sandbox: `/git/<host>/…` goes to that host over TLS, with the
 * workspace's credential for it, where the workspace's egress rules allow the host.
 */
export class GitGateway implements OwnRoutes {
  readonly prefix = PREFIX;
  readonly #credentials: GitCredentials;
  readonly #timeouts: { readonly connectTimeoutMs: number; readonly idleTimeoutMs: number };

  constructor(deps: {
    readonly credentials: GitCredentials;
    /** @default 10000 */
    readonly connectTimeoutMs?: number;
    /** Time in which something must move. @default 300000 */
    readonly idleTimeoutMs?: number;
  }) {
    this.#credentials = deps.credentials;
    const { connectTimeoutMs = 10_000, idleTimeoutMs = 300_000 } = deps;
    this.#timeouts = { connectTimeoutMs, idleTimeoutMs };
  }

  /** Answers a request whose path begins with the prefix. Never rejects. */
  async handle(own: OwnRequest): Promise<void> {
    const { request, response, exchange } = own;
    response.once("finish", () => {
      if (!request.complete) request.socket.destroySoon();
    });
    try {
      const identity = await own.identify();
      const git = read(own);
      exchange.target = git.target;
      const credential = await this.#credentialFor(identity.workspaceId, git);
      const tcp = await own.connect(identity, git.target);
      const upstream = await this.#secure(tcp, git);
      await this.#pass(own, git, upstream, credential);
      // Only shown to people: what git was told does not depend on it.
      void this.#credentials.noteUse(identity.workspaceId, [credential.name]).catch(() => undefined);
    } catch (error) {
      exchange.refused(error);
      refuse(response, error);
    }
  }

  async #credentialFor(workspaceId: string, { target }: GitRequest): Promise<GitCredential> {
    const all = await this.#credentials.gitHttps(workspaceId).catch((cause: unknown) => {
      throw new GitCredentialsUnavailableError(cause);
    });
    const found = all.find(({ host }) => {
      const known = targetOf(host);
      return known?.host === target.host && known.port === target.port;
    });
    if (found === undefined) throw new GitCredentialMissingError(workspaceId, target);
    return found;
  }

  /** TLS to the server that was asked for, whose certificate must be for that name. */
  async #secure(tcp: Socket, { target }: GitRequest): Promise<Socket> {
    const { connectTimeoutMs } = this.#timeouts;
    const socket = connectTls({
      socket: tcp,
      ...(target.isAddress ? { host: target.host } : { host: target.host, servername: target.host }),
      ALPNProtocols: ["http/1.1"],
    });
    const timer = setTimeout(() => {
      socket.destroy(new UpstreamTimeoutError(target, "did not finish the TLS handshake", connectTimeoutMs));
    }, connectTimeoutMs);
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("secureConnect", resolve);
        socket.once("error", reject);
        socket.once("close", () => reject(new Error("the connection was closed")));
      });
      return socket;
    } catch (error) {
      socket.on("error", () => undefined);
      socket.destroy();
      tcp.destroy();
      if (error instanceof UpstreamTimeoutError) throw error;
      throw new UpstreamFailedError(target, "has no certificate that is valid for it, or does not speak TLS", error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Settles when both messages have passed; rejects when no answer of the server was passed on yet. */
  #pass(
    { request, response }: OwnRequest,
    git: GitRequest,
    upstream: Socket,
    credential: GitCredential,
  ): Promise<void> {
    const { target } = git;
    const { idleTimeoutMs } = this.#timeouts;
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        upstream.destroy();
        if (response.headersSent) response.destroy();
        reject(error);
      };
      const outgoing = httpRequest({
        method: request.method,
        path: git.path,
        setDefaultHeaders: false,
        headers: {
          host: formatTarget(target, HTTPS_PORT),
          authorization: `Basic ${Buffer.from(`${credential.username}:${credential.token}`).toString("base64")}`,
          connection: "close",
          ...pick(request, REQUEST_HEADERS),
          ...frame(request),
        },
        createConnection: () => upstream,
      });
      const begin = (incoming: IncomingMessage) => {
        const refused = this.#judge(incoming, git, credential, response);
        if (refused === undefined) response.writeHead(incoming.statusCode ?? 502, pick(incoming, RESPONSE_HEADERS));
        return refused;
      };
      relay({ request, response, outgoing, upstream, target, idleTimeoutMs, begin, fail, done: resolve });
    });
  }

  /** What of an answer must not reach git as it is. A redirect within the server is rewritten to lead through here. */
  #judge(
    { statusCode = 0, headers }: IncomingMessage,
    git: GitRequest,
    { name }: GitCredential,
    response: ServerResponse,
  ): Error | undefined {
    // A 401 would have git ask for a password, and somebody answer.
    if (statusCode === 401) return new GitCredentialRefusedError(git.target, name);
    if (statusCode < 300 || statusCode >= 400 || headers.location === undefined) return undefined;
    const location = redirectWithin(headers.location, git);
    if (location === undefined) return new GitRedirectRefusedError(git.target);
    response.setHeader("location", location);
    return undefined;
  }
}

function read({ request, path }: OwnRequest): GitRequest {
  try {
    return readGitRequest(request.method ?? "", path);
  } catch (error) {
    if (error instanceof InvalidTargetError) throw new InvalidRequestError(error.message, error);
    throw error;
  }
}

/** A credential's host in the spelling of targets; undefined when it has none that could be asked for. */
function targetOf(host: string): EgressTarget | undefined {
  try {
    return readGitRequest("GET", `${PREFIX}${host}/r/info/refs?service=git-upload-pack`).target;
  } catch {
    return undefined;
  }
}

function pick({ headers }: IncomingMessage, names: readonly string[]): Record<string, string | string[]> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** How the request's body ends: by its length where it has one, else in chunks. */
function frame({ method, headers }: IncomingMessage): Record<string, string> {
  if (method !== "POST") return {};
  const length = headers["content-length"];
  return length === undefined ? { "transfer-encoding": "chunked" } : { "content-length": length };
}

/** As plain text, which git shows its user. */
function refuse(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const refusal = asRefusal(error);
  const body = `${refusal.message}\n${refusal.remedy}\n`;
  response.writeHead(refusal.status, { ...problemHeaders(refusal, body), "Content-Type": "text/plain; charset=utf-8" });
  response.end(body);
}
