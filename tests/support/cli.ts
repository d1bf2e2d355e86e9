import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

const CLI = path.resolve(import.meta.dirname, "../../cli/automatos.mjs");

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** @default the system's temporary folder, which has no configuration file */
  readonly cwd?: string;
  readonly input?: string;
}

export interface CliRun {
  readonly process: ChildProcess;
  /** What it has written so far. */
  readonly output: { stdout: string; stderr: string };
  /** Resolves when the standard output holds a match. */
  until(pattern: RegExp): Promise<void>;
  readonly ended: Promise<CliResult>;
}

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the real command line, with nothing of this process' environment but the path and the locale. */
export function startCli(args: readonly string[], options: CliOptions = {}): CliRun {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: options.cwd ?? "/",
    env: { PATH: process.env["PATH"], TZ: "UTC", ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => undefined); // it may end without reading
  child.stdin.end(options.input ?? "");
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...output }));
  return {
    process: child,
    output,
    ended,
    async until(pattern) {
      while (!pattern.test(output.stdout)) {
        const next = await Promise.race([once(child.stdout, "data"), ended]);
        if ("code" in next && !pattern.test(output.stdout)) {
          throw new Error(
            `ended with ${String(next.code)} before ${String(pattern)}: ${output.stdout}${output.stderr}`,
          );
        }
      }
    },
  };
}

/** Runs the real command line to its end. */
export const runCli = (args: readonly string[], options?: CliOptions): Promise<CliResult> =>
  startCli(args, options).ended;
