import { ToolCallEvent, type ToolCallAnswer } from "../../contracts/tool-call.ts";
import { splitWorkspace, type GlobalOptions } from "../context.ts";
import { CliError, UnexpectedAnswerError, UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { open } from "./workspace.ts";

export interface ExecOptions extends GlobalOptions {
  readonly cwd?: string;
  readonly timeout?: number;
}

/** What a shell says of a program that a signal has ended, whichever it was. */
const KILLED = 137;

/** Runs a command in the workspace's sandbox: its output comes as it is written, and its exit status is this one's. */
export async function workspaceExec(args: readonly string[], options: ExecOptions): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  if (rest.length === 0) throw new UsageError("no command is given", "Put it after `--`, e.g. `-- git status`.");
  const { context, path } = await open(named, options);
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt);
  try {
    const response = await context.client.fetch("POST", `${path}/exec`, {
      body: { argv: rest, cwd: options.cwd, timeoutSeconds: options.timeout },
      headers: { accept: "application/x-ndjson" },
      signal: interrupted.signal,
    });
    return await show(response, (event) => {
      if (options.json === true) context.writeJsonLine(event);
      else if (event.type === "stdout") context.write(event.text);
      else if (event.type === "stderr") process.stderr.write(event.text);
    });
  } catch (error) {
    if (interrupted.signal.aborted) return EXIT.detached;
    throw error;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

async function show(response: Response, say: (event: ToolCallEvent) => void): Promise<number> {
  let last: ToolCallEvent | undefined;
  for await (const event of eventsOf(response)) {
    say(event);
    last = event;
  }
  if (last?.type === "result") return statusOf(last.result);
  if (last?.type !== "error") throw new UnexpectedAnswerError("POST exec");
  throw new CliError(last.error.message, { remedy: last.error.remedy, exitCode: EXIT.refused });
}

function statusOf({ exitCode, error }: ToolCallAnswer): number {
  if (exitCode !== null && error?.code !== "COMMAND_TIMED_OUT") return exitCode;
  if (error !== null) process.stderr.write(`${error.message}\n${error.remedy}\n`);
  return error?.code === "COMMAND_TIMED_OUT" ? EXIT.timedOut : KILLED;
}

async function* eventsOf(response: Response): AsyncGenerator<ToolCallEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") continue; // a sign of life
      const parsed = ToolCallEvent.safeParse(JSON.parse(line));
      if (!parsed.success) throw new UnexpectedAnswerError("POST exec", parsed.error);
      yield parsed.data;
    }
  }
}
