import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { PlatformError } from "../../../contracts/errors.ts";
import { TerminalQuery } from "../../../contracts/terminal.ts";
import { CallResources, MAX_CALL_SECONDS, WorkerCall, type CallGrant } from "../../../contracts/tool-call.ts";
import { requireAllowed } from "../../../contracts/tool-call-errors.ts";
import { ContentsRequest } from "../../../contracts/workspace-contents.ts";
import type { Logger } from "../../runtime/logger.ts";
import { verifyCallGrant } from "../../runtime/task-token.ts";
import type { WorkspaceContents } from "../../workspace/contents/workspace-contents.ts";
import type { UsageMeter } from "../../workspace/usage/usage-meter.ts";
import { answerContents } from "./answer-contents.ts";
import { CallSessions, type CallSession, type CallSessionDeps } from "./call-session.ts";
import { CallSlots } from "./call-slots.ts";
import { type CallLife, duringCall } from "./during-call.ts";
import {
  CallerLeftError,
  CallFailedError,
  CallsUnderWayError,
  GrantRefusedError,
  InvalidCallError,
  WorkerStoppingError,
} from "./errors.ts";
import { EventLines } from "./event-lines.ts";
import { receiveFile, removeFile, sendFile } from "./files.ts";
import { IdleTimer } from "./idle-timer.ts";
import { Pty } from "./pty.ts";
import { readJson } from "./read-json.ts";
import { describe, runCall } from "./run-call.ts";
import { runTerminal, type TerminalTimes } from "./terminal.ts";
import { receiveTree, removeTree, sendManifest, sendTree } from "./tree.ts";
import { refuseUpgrade, shakeHands, type Upgrade } from "./upgrade.ts";

export interface ToolServerDeps extends CallSessionDeps {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Calls under way at once, of all workspaces. */
  readonly concurrency: number;
  readonly usage: Pick<UsageMeter, "refreshInBackground" | "read">;
  /** What lies on the volume, for an API that has it not. */
  readonly contents: WorkspaceContents;
  readonly terminalTimes?: TerminalTimes;
  readonly times?: CallTimes;
  readonly log: Logger;
}

export interface CallTimes {
  /** A file's transfer in which no byte moves ends after this. @default 5 min */
  readonly fileIdleMs?: number;
  /** Between signs of life to a caller whose answer has not begun. @default 5 s */
  readonly beatMs?: number;
}

/** A terminal is bounded by its own times; its token for the gateway must last as long. */
const TERMINAL_SECONDS = 8 * 60 * 60;
const FILE_IDLE_MS = 5 * 60_000;
/** The API takes a worker for lost that says nothing for 15 s. */
const BEAT_MS = 5_000;
const RESOURCES = CallResources.parse({});
/** What carries a whole tree has its own time, and ends with its caller. */
const NEVER = new AbortController().signal;
/** Questions for contents under way at once; downloads that are slow to be taken stay long. */
const MAX_LOOKS = 256;
const MAX_LOOKS_OF_WORKSPACE = 32;

/**
 * Takes tool calls without a task from the API, which has checked who asks: each carries a grant that the API has
 * signed. A call ends with the connection on which it came.
 */
export class ToolServer {
  readonly #deps: ToolServerDeps;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: 1024 ** 2, perMessageDeflate: false });
  readonly #slots: CallSlots;
  /** Of questions for contents: they are no tool calls, and must not wait for those. */
  readonly #looks: CallSlots;
  readonly #sessions: CallSessions;
  readonly #closing = new AbortController();
  #announced = false;

  constructor(deps: ToolServerDeps) {
    this.#deps = deps;
    this.#slots = new CallSlots(deps.concurrency);
    this.#looks = new CallSlots(MAX_LOOKS);
    this.#sessions = new CallSessions(deps);
    this.#server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.on("upgrade", (request: IncomingMessage, socket, head) => {
      void this.#upgrade(request, socket, head);
    });
  }

  async start(): Promise<void> {
    const { host, port } = this.#deps;
    this.#server.listen(port, host);
    await once(this.#server, "listening");
  }

  /** Call when the record says where this is. */
  announced(): void {
    this.#announced = true;
  }

  /** @throws while no call can come. */
  check(): void {
    if (!this.#announced || !this.#server.listening) throw new Error("tool calls cannot be taken yet");
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Takes no more; what is under way has until `graceMs`, then it is stopped. */
  async close(graceMs = 2_000): Promise<void> {
    const emptied = Promise.all([this.#slots.close(), this.#looks.close()]);
    const timer = setTimeout(() => this.#closing.abort(), graceMs);
    await emptied;
    clearTimeout(timer);
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const grant = await this.#grantOf(request);
      const url = new URL(request.url ?? "/", "http://worker");
      const route = `${request.method ?? ""} ${url.pathname}`;
      if (route === "POST /v1/calls") await this.#call(grant, request, response);
      else if (route === "POST /v1/contents") await this.#contents(grant, request, response);
      else if (url.pathname === "/v1/file") await this.#file(grant, url, request, response);
      else if (url.pathname.startsWith("/v1/tree")) await this.#tree(grant, route, request, response);
      else throw new InvalidCallError(`there is no ${route}`);
    } catch (error) {
      this.#refuse(error, response);
    }
  }

  async #call(grant: CallGrant, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parsed = WorkerCall.safeParse(await readJson(request));
    if (!parsed.success) throw new InvalidCallError(parsed.error.issues[0]?.message ?? "it is not valid");
    const call = parsed.data;
    const timeout = AbortSignal.timeout(call.timeoutSeconds * 1_000);
    await this.#inSession(grant, { ...call, response, stop: timeout }, async (session) => {
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      response.flushHeaders();
      const lines = new EventLines(response);
      try {
        lines.end(await runCall(call, grant, { session, timeout, write: (event) => lines.write(event) }));
      } catch (error) {
        lines.end({ type: "error", error: describe(this.#explain(error, grant)) });
      }
    });
  }

  async #file(grant: CallGrant, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = url.searchParams.get("path") ?? "";
    const stalled = new AbortController();
    const idle = new IdleTimer(this.#deps.times?.fileIdleMs ?? FILE_IDLE_MS, () => stalled.abort());
    const limits = { resources: RESOURCES, timeoutSeconds: MAX_CALL_SECONDS, response, stop: stalled.signal };
    const transfer = async (session: CallSession) => {
      const file = { grant, session, path, idle };
      idle.feed();
      if (request.method === "GET") await sendFile(file, request.headers.range, response);
      else if (request.method === "DELETE") {
        await removeFile(file);
        response.writeHead(204).end();
      } else if (request.method === "PUT") {
        const bytesWritten = await receiveFile(file, request, this.#deps.usage);
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ path, bytesWritten }));
      } else throw new InvalidCallError(`a file takes no ${request.method ?? ""}`);
    };
    await this.#inSession(grant, limits, transfer).finally(() => idle.stop());
  }

  async #contents(grant: CallGrant, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parsed = ContentsRequest.safeParse(await readJson(request));
    if (!parsed.success) throw new InvalidCallError(parsed.error.issues[0]?.message ?? "it is not valid");
    const { workspaceId, callId } = grant;
    const release = this.#looks.take(workspaceId, MAX_LOOKS_OF_WORKSPACE);
    const stalled = new AbortController();
    const idle = new IdleTimer(this.#deps.times?.fileIdleMs ?? FILE_IDLE_MS, () => stalled.abort());
    try {
      await duringCall(this.#life(response, stalled.signal), (signal) =>
        answerContents(
          this.#deps.contents,
          { workspaceId, request: parsed.data, caller: { callId, signal }, idle },
          response,
        ),
      );
    } finally {
      idle.stop();
      release();
    }
  }

  async #tree(grant: CallGrant, route: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const limits = { resources: RESOURCES, timeoutSeconds: MAX_CALL_SECONDS, response, stop: NEVER };
    await this.#inSession(grant, limits, async (session) => {
      // None begins in a workspace that is closed: what stands in the list now is what stays.
      if (this.#slots.takenBy(grant.workspaceId) > 1) throw new CallsUnderWayError(grant.workspaceId);
      if (route === "GET /v1/tree") await sendTree(grant, session, response);
      else if (route === "GET /v1/tree/manifest") await sendManifest(grant, session, response);
      else if (route === "PUT /v1/tree") {
        await receiveTree(grant, session, request);
        response.writeHead(204).end();
      } else if (route === "DELETE /v1/tree") {
        await removeTree(grant, session);
        response.writeHead(204).end();
      } else throw new InvalidCallError(`there is no ${route}`);
    });
  }

  /** Runs `work` in a slot of the workspace. It is stopped by `stop` and when its caller goes away. */
  async #inSession(
    grant: CallGrant,
    call: Pick<WorkerCall, "resources" | "timeoutSeconds"> & {
      readonly response: ServerResponse;
      readonly stop: AbortSignal;
    },
    work: (session: CallSession) => Promise<void>,
  ): Promise<void> {
    const release = this.#slots.take(grant.workspaceId, grant.maxCalls);
    try {
      await duringCall(this.#life(call.response, call.stop), async (signal) => {
        const session = await this.#sessions.open(grant, { ...call, signal });
        try {
          await work(session);
        } finally {
          session.close();
        }
      });
    } finally {
      release();
    }
  }

  #life(response: ServerResponse, stop: AbortSignal): CallLife {
    return { response, stops: [stop, this.#closing.signal], beatMs: this.#deps.times?.beatMs ?? BEAT_MS };
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    const gone = new AbortController();
    socket.once("close", () => gone.abort());
    let release: (() => void) | undefined;
    try {
      const grant = await this.#grantOf(request);
      const url = new URL(request.url ?? "/", "http://worker");
      const query = TerminalQuery.safeParse(Object.fromEntries(url.searchParams));
      if (url.pathname !== "/v1/terminal" || !query.success) throw new InvalidCallError(`there is no ${url.pathname}`);
      requireAllowed(grant, "execute_command");
      release = this.#slots.take(grant.workspaceId, grant.maxCalls);
      await this.#terminal(grant, query.data, { request, socket, head, gone: gone.signal });
    } catch (error) {
      if (!(error instanceof CallerLeftError)) refuseUpgrade(socket, this.#explain(error, undefined));
    } finally {
      release?.();
    }
  }

  async #terminal(grant: CallGrant, query: TerminalQuery, upgrade: Upgrade): Promise<void> {
    const session = await this.#sessions.open(grant, {
      resources: RESOURCES,
      timeoutSeconds: TERMINAL_SECONDS,
      signal: upgrade.gone,
    });
    try {
      const pty = new Pty(query, { uid: grant.uid });
      try {
        const opened = await shakeHands(this.#sockets, upgrade);
        const { callId } = grant;
        const times = this.#deps.terminalTimes;
        await runTerminal({ callId, session, pty, socket: opened, query, closing: this.#closing.signal, times });
      } finally {
        pty.close();
      }
    } finally {
      session.close();
    }
  }

  async #grantOf({ headers }: IncomingMessage): Promise<CallGrant> {
    const token = /^Bearer (\S+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
    return verifyCallGrant(token, this.#deps.gateway.tokenKey).catch((cause: unknown) => {
      throw new GrantRefusedError(cause);
    });
  }

  #refuse(error: unknown, response: ServerResponse): void {
    if (response.destroyed) return;
    if (response.headersSent) {
      response.destroy(); // whoever reads sees that the rest is missing
      return;
    }
    const { code, message, remedy, status, retryAfterSeconds } = this.#explain(error, undefined);
    const body = JSON.stringify({ code, message, remedy, status, retryAfterSeconds });
    response.writeHead(status, { "content-type": "application/json", connection: "close" }).end(body);
  }

  #explain(error: unknown, grant: CallGrant | undefined): PlatformError {
    if (this.#closing.signal.aborted) return new WorkerStoppingError();
    if (error instanceof PlatformError) return error;
    this.#deps.log.error({ event: "tool_call_failed", callId: grant?.callId, err: error }, "tool call failed");
    return new CallFailedError(error);
  }
}
