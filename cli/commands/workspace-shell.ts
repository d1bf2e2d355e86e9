import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { Problem } from "../../contracts/http-api.ts";
import { TERMINAL_PROTOCOL, TerminalMessage } from "../../contracts/terminal.ts";
import type { GlobalOptions } from "../context.ts";
import { ApiRefusalError, ApiUnreachableError, CliError, UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { open } from "./workspace.ts";

/** A shell in the workspace's sandbox, on this terminal. Its exit status is the shell's. */
export async function workspaceShell(named: string | undefined, options: GlobalOptions): Promise<number> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new UsageError("a shell needs a terminal", "Use `automatos workspace exec` in scripts.");
  }
  const { context, path } = await open(named, options);
  // Serial lines and some CI systems have a terminal that says it is 0 by 0.
  const size = () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  const { columns, rows } = size();
  const query = new URLSearchParams({ columns: String(columns), rows: String(rows) });
  const term = process.env["TERM"] ?? "";
  if (/^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$/.test(term)) query.set("term", term);
  const url = `${context.client.apiUrl.replace(/^http/, "ws")}${path}/terminal?${query.toString()}`;
  const socket = new WebSocket(url, [TERMINAL_PROTOCOL], { headers: context.client.authorization });
  await opened(socket, context.client.apiUrl);

  let last: TerminalMessage | undefined;
  socket.on("message", (data: Buffer, isBinary) => {
    if (isBinary) {
      if (!stdout.write(data)) {
        socket.pause();
        stdout.once("drain", () => socket.resume());
      }
    } else last = TerminalMessage.safeParse(parse(data.toString())).data ?? last;
  });
  const type = (data: Buffer) => socket.send(data);
  const resize = () => socket.send(JSON.stringify({ type: "resize", ...size() }));
  stdin.setRawMode(true);
  stdin.on("data", type);
  stdout.on("resize", resize);
  try {
    await new Promise((resolve) => socket.once("close", resolve));
  } finally {
    stdin.setRawMode(false);
    stdin.off("data", type).pause();
    stdout.off("resize", resize);
  }
  if (last?.type === "exit") return last.exitCode ?? EXIT.failed;
  if (last?.type === "error") throw new CliError(last.message, { remedy: last.remedy, exitCode: EXIT.failed });
  throw new CliError("the connection to the terminal was lost, and what ran in it was ended", {
    remedy: "Open another one; work that must go on belongs in a task.",
    exitCode: EXIT.unreachable,
  });
}

function opened(socket: WebSocket, apiUrl: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.on("error", (error) => reject(new ApiUnreachableError(apiUrl, error)));
    socket.once("unexpected-response", (_request, response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => {
        const problem = Problem.safeParse(parse(Buffer.concat(chunks).toString()));
        reject(
          problem.success
            ? new ApiRefusalError(problem.data)
            : new ApiUnreachableError(apiUrl, `status ${response.statusCode ?? "?"}`),
        );
        socket.terminate();
      });
    });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
