/** Child processes of the engine: their output by line, and their end. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import type { Writable } from "node:stream";

/** Arguments of a Node child by which the SDK loads in half the time: see use-compile-cache.ts. */
export function compileCache(): string[] {
  const cache = getCompileCacheDir();
  if (cache === undefined) return [];
  const url = new URL("./use-compile-cache.ts", import.meta.url);
  // Node's answer is a folder of its version, within the one that it was given.
  url.searchParams.set("cache", dirname(cache));
  return ["--import", url.href];
}

/**
 * No child outlives the engine, however the engine ends and whatever the child does: file descriptor 3 is a pipe that
 * only the engine holds open, and a watch in the child's process group kills the group when the pipe ends. A line in
 * the pipe says that all is well: the watch goes, and what the child left running stays. The shell that starts the
 * watch becomes the child itself. Linux and macOS.
 */
const WATCHED = '(read _ <&3 || kill -KILL 0) </dev/null >/dev/null 2>&1 & exec "$@" 3<&-';

interface ChildOptions {
  command: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  onStdout: (line: string) => void;
  onStderr: (line: string) => void;
}

export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const TERMINATION_GRACE_MS = 2_000;

/** A running child; `ended` resolves after its last line of output was handed over. */
export class Child {
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;

  constructor(options: ChildOptions) {
    // A process group of its own: Ctrl-C at the terminal is for the engine, which lets what runs come to its end.
    this.#process = spawn("/bin/sh", ["-c", WATCHED, "sh", options.command, ...options.args], {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      detached: true,
    });
    const { stdout, stderr } = this.#process;
    const output = Promise.all([lines(stdout, options.onStdout), lines(stderr, options.onStderr)]);
    this.ended = new Promise<ChildEnd>((resolve, reject) => {
      this.#process.once("error", reject);
      // Not "close": grandchildren that were left running may hold the output open for ever.
      this.#process.once("exit", (code, signal) => {
        this.#dismissWatch();
        const drained = new Promise((done) => setTimeout(done, 500).unref());
        void Promise.race([output, drained]).then(() => {
          stdout?.destroy();
          stderr?.destroy();
          resolve({ code, signal });
        });
      });
    });
    this.ended.catch(() => undefined);
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null || this.#process.pid === undefined;
  }

  /** Asks it to end, and makes it end, with all that it started, when it does not. */
  async stop(graceMs = TERMINATION_GRACE_MS): Promise<void> {
    if (!this.hasEnded) {
      this.#process.kill("SIGTERM");
      const timer = setTimeout(() => this.#killGroup(), graceMs);
      await this.ended.catch(() => undefined);
      clearTimeout(timer);
    }
  }

  #killGroup(): void {
    const { pid } = this.#process;
    if (pid === undefined || this.hasEnded) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It ended just now.
    }
  }

  #dismissWatch(): void {
    const lifeline = this.#process.stdio[3] as Writable;
    // It is gone where the whole group was killed.
    lifeline.on("error", () => undefined);
    lifeline.end("\n");
  }
}

async function lines(stream: NodeJS.ReadableStream | null, onLine: (line: string) => void): Promise<void> {
  if (stream === null) return;
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) onLine(line);
  } catch {
    // The stream was destroyed when its process had ended.
  }
}
