/** Child processes of the engine: their output by line, and their end. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { getCompileCacheDir } from "node:module";
import { dirname } from "node:path";
import { createInterface } from "node:readline";

/** What makes a Node child end with the engine: see end-with-engine.ts. */
export function lifeline(): string[] {
  const url = new URL("./end-with-engine.ts", import.meta.url);
  const cache = getCompileCacheDir();
  // Node's answer is a folder of its version, within the one that it was given.
  if (cache !== undefined) url.searchParams.set("cache", dirname(cache));
  return ["--import", url.href];
}

interface ChildOptions {
  command: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  onStdout: (line: string) => void;
  onStderr: (line: string) => void;
}

interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const TERMINATION_GRACE_MS = 2_000;

/** A running child; `ended` resolves after its last line of output was handed over. */
export class Child {
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;

  constructor(options: ChildOptions) {
    this.#process = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    const { stdout, stderr } = this.#process;
    const output = Promise.all([lines(stdout, options.onStdout), lines(stderr, options.onStderr)]);
    this.ended = new Promise<ChildEnd>((resolve, reject) => {
      this.#process.once("error", reject);
      // Not "close": grandchildren that were left running may hold the output open for ever.
      this.#process.once("exit", (code, signal) => {
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

  /** Asks it to end, and makes it end when it does not. */
  async stop(graceMs = TERMINATION_GRACE_MS): Promise<void> {
    if (!this.hasEnded) {
      this.#process.kill("SIGTERM");
      const timer = setTimeout(() => this.#process.kill("SIGKILL"), graceMs);
      await this.ended.catch(() => undefined);
      clearTimeout(timer);
    }
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
