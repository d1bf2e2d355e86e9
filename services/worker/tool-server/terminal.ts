import type { WebSocket } from "ws";
import { PlatformError } from "../../../contracts/errors.ts";
import { TerminalRequest, type TerminalMessage, type TerminalQuery } from "../../../contracts/terminal.ts";
import { limitReached } from "../quota-guard.ts";
import type { CallSession } from "./call-session.ts";
import { IdleTimer } from "./idle-timer.ts";
import type { Pty } from "./pty.ts";

export interface TerminalTimes {
  /** Without a byte in either direction. @default 15 min */
  readonly idleMs?: number;
  /** Whatever happens in it. @default 8 h */
  readonly longestMs?: number;
  /** Between two pings; who answers none is gone. @default 20 s */
  readonly pingMs?: number;
}

const MINUTE_MS = 60_000;
/** Output that waits for a slow reader; the terminal is not read while there is more. */
const MAX_WAITING_BYTES = 256 * 1024;
/** Typed bytes that wait for a program that reads nothing; more is not taken from the socket meanwhile. */
const MAX_TYPED_BYTES = 64 * 1024;
/** Whichever shell there is; its history and settings are the workspace's own. */
const SHELL = ["/bin/sh", "-c", "command -v bash >/dev/null && exec bash -i; exec sh -i"] as const;

class TerminalEndedError extends PlatformError {
  constructor(reason: string, remedy: string) {
    super("TERMINAL_ENDED", reason, { remedy, status: 408 });
  }
}

/**
 * Runs a shell on a terminal, for the one at the other end of a socket. Binary messages are bytes of the terminal, text
 * messages are those of contracts/terminal.ts. Resolves when nothing of the shell is left; when the socket closes, all
 * that runs in the terminal is killed.
 */
export async function runTerminal(options: {
  readonly callId: string;
  readonly session: CallSession;
  readonly pty: Pty;
  readonly socket: WebSocket;
  readonly query: TerminalQuery;
  readonly closing: AbortSignal;
  readonly times?: TerminalTimes | undefined;
}): Promise<void> {
  const { session, pty, socket, query, times = {} } = options;
  const { idleMs = 15 * MINUTE_MS } = times;
  const stop = new AbortController();
  const watch = new IdleTimer(idleMs, () => stop.abort(idle(idleMs)));
  const signal = AbortSignal.any([stop.signal, session.signal, options.closing]);
  const say = (message: TerminalMessage) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };
  socket.once("close", () => stop.abort());
  socket.on("error", () => socket.terminate());
  listen(socket, pty, watch);
  const pinging = keepAlive(socket, times.pingMs ?? 20_000);
  const shown = show(pty, socket, watch);
  try {
    say({ type: "ready", callId: options.callId });
    const ended = session.sandbox.run(session.profile, {
      argv: SHELL,
      cwd: ".",
      environment: { TERM: query.term, PS1: "\\w\\$ " },
      terminalFd: pty.programFd,
      timeoutMs: times.longestMs ?? 8 * 60 * MINUTE_MS,
      signal,
      onOutput: () => undefined,
    });
    pty.closeProgramSide(); // the shell has been started with its own
    const exit = await ended;
    await shown;
    const reason = exit.timedOut ? longest() : (limitReached(signal) ?? closedBy(options.closing));
    if (reason === undefined) say({ type: "exit", exitCode: exit.exitCode, signal: exit.signal });
    else say({ type: "error", ...reason.toTaskError() });
    socket.close(1000);
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    say({ type: "error", ...error.toTaskError() });
    socket.close(1011);
  } finally {
    watch.stop();
    clearInterval(pinging);
    pty.close();
    if (socket.readyState === socket.CONNECTING || socket.readyState === socket.OPEN) socket.terminate();
  }
}

const longest = () => new TerminalEndedError("the terminal has reached its longest duration", "Open another one.");
const idle = (idleMs: number) =>
  new TerminalEndedError(
    `nothing was typed or shown for ${Math.round(idleMs / 1_000)} s`,
    "Open another one; work that takes long without a word belongs in a task.",
  );
const closedBy = (closing: AbortSignal) =>
  closing.aborted
    ? new TerminalEndedError("the worker is being stopped", "Open another terminal: another worker takes it.")
    : undefined;

/** Typed bytes to the terminal, in order; text messages are what they say. */
function listen(socket: WebSocket, pty: Pty, watch: IdleTimer): void {
  let typed = Promise.resolve();
  let waiting = 0;
  socket.on("message", (data: Buffer, isBinary) => {
    watch.feed();
    if (!isBinary) {
      const request = TerminalRequest.safeParse(parse(data.toString("utf8")));
      if (request.success) pty.resize(request.data);
      else socket.close(1008, "a text message is none that a terminal takes");
      return;
    }
    waiting += data.length;
    if (waiting > MAX_TYPED_BYTES) socket.pause();
    typed = typed.then(async () => {
      await pty.write(data);
      waiting -= data.length;
      if (waiting <= MAX_TYPED_BYTES && socket.isPaused) socket.resume();
    });
  });
}

/** The terminal's bytes to the socket, as fast as its reader takes them. Resolves when the terminal has shown its last. */
function show(pty: Pty, socket: WebSocket, watch: IdleTimer): Promise<void> {
  const { output } = pty;
  let waiting = 0;
  output.on("data", (chunk: Buffer) => {
    watch.feed();
    if (socket.readyState !== socket.OPEN) return;
    waiting += chunk.length;
    if (waiting > MAX_WAITING_BYTES) output.pause();
    socket.send(chunk, { binary: true }, () => {
      waiting -= chunk.length;
      if (output.isPaused() && waiting <= MAX_WAITING_BYTES / 2) output.resume();
    });
  });
  output.on("error", () => undefined); // EIO: nobody has the other side; "close" follows
  return new Promise((resolve) => {
    output.once("close", resolve);
    socket.once("close", () => output.resume());
  });
}

function keepAlive(socket: WebSocket, pingMs: number): NodeJS.Timeout {
  let answered = true;
  socket.on("pong", () => (answered = true));
  return setInterval(() => {
    if (!answered) socket.terminate();
    answered = false;
    if (socket.readyState === socket.OPEN) socket.ping();
  }, pingMs);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
