import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import type { CallGrant } from "../../../contracts/tool-call.ts";
import type { TerminalQuery } from "../../../contracts/terminal.ts";
import { NoWorkerError } from "./errors.ts";
import { toRefusal, wasNotReached, type WorkerClient } from "./worker-client.ts";

/** A worker says within this whether it opens a terminal. */
const OPEN_TIMEOUT_MS = 15_000;
const MAX_MESSAGE_BYTES = 1024 ** 2;
/** What waits for one side; the other is not read while there is more. */
const MAX_WAITING_BYTES = 256 * 1024;

/** Opens a terminal at a worker. @throws NoWorkerError, WorkerRefusalError */
export async function openTerminal(workers: WorkerClient, grant: CallGrant, query: TerminalQuery): Promise<WebSocket> {
  const { urls, token } = await workers.terminalAddresses(grant);
  const search = new URLSearchParams({ ...query, columns: String(query.columns), rows: String(query.rows) });
  let last: Error = new NoWorkerError();
  for (const url of urls) {
    const socket = new WebSocket(`${url}/v1/terminal?${search.toString()}`, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: OPEN_TIMEOUT_MS,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
    });
    try {
      await opened(socket);
      return socket;
    } catch (error) {
      last = error instanceof Error && !wasNotReached(error) ? error : new NoWorkerError(error);
      if (!(last instanceof NoWorkerError)) break;
    }
  }
  throw last;
}

async function opened(socket: WebSocket): Promise<void> {
  const refused = new Promise<never>((_resolve, reject) => {
    socket.once("unexpected-response", (_request, response: IncomingMessage) => {
      readAll(response)
        .then((body) => reject(toRefusal(body, response.statusCode ?? 502)))
        .catch(reject)
        .finally(() => socket.terminate());
    });
  });
  // What comes before anybody listens would be lost.
  socket.once("open", () => socket.pause());
  socket.on("error", () => undefined);
  await Promise.race([once(socket, "open"), refused]);
}

async function readAll(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

/** Passes messages both ways, each as fast as its reader takes them, until one side closes; then the other is closed. */
export function join(client: WebSocket, worker: WebSocket): void {
  pass(client, worker);
  pass(worker, client);
  worker.resume();
}

function pass(from: WebSocket, to: WebSocket): void {
  let waiting = 0;
  from.on("message", (data: Buffer, isBinary) => {
    if (to.readyState !== to.OPEN) return;
    waiting += data.length;
    if (waiting > MAX_WAITING_BYTES) from.pause();
    to.send(data, { binary: isBinary }, () => {
      waiting -= data.length;
      if (from.isPaused && waiting <= MAX_WAITING_BYTES / 2) from.resume();
    });
  });
  from.on("error", () => to.terminate());
  from.on("close", (code, reason) => {
    // Codes that only say how a connection ended cannot be sent.
    if (code === 1005 || code === 1006 || code === 1015) to.close(from.readyState === from.CLOSED ? 1011 : 1000);
    else to.close(code, reason);
  });
}
