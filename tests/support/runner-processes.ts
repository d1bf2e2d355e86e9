import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("runner-worker.ts", import.meta.url));

export interface LogLine {
  readonly event?: string;
  readonly [key: string]: unknown;
}

/** A worker in a process of its own, and what it says. */
export class WorkerProcess {
  readonly workerId: string;
  readonly #child: ChildProcess;
  readonly #lines: LogLine[] = [];
  #heard = Promise.withResolvers<null>();

  constructor(url: string, workerId: string, options: { leaseSeconds?: number; concurrency?: number } = {}) {
    this.workerId = workerId;
    this.#child = spawn(process.execPath, [SCRIPT], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        DATABASE_URL: url,
        WORKER_ID: workerId,
        LEASE_SECONDS: String(options.leaseSeconds ?? 1),
        CONCURRENCY: String(options.concurrency ?? 4),
      },
    });
    const { stdout } = this.#child;
    if (stdout === null) throw new TypeError("stdout is not a pipe");
    createInterface(stdout).on("line", (line) => {
      this.#lines.push(JSON.parse(line) as LogLine);
      this.#wake();
    });
    this.#child.on("exit", () => this.#wake());
  }

  /** The first line that has these values, said already or yet to come. @throws when the process ends without it */
  async said(expected: LogLine): Promise<LogLine> {
    const entries = Object.entries(expected);
    for (;;) {
      const { promise } = this.#heard;
      const found = this.#lines.find((line) => entries.every(([key, value]) => line[key] === value));
      if (found !== undefined) return found;
      if (this.hasEnded) throw new Error(`${this.workerId} ended without saying ${JSON.stringify(expected)}`);
      await promise;
    }
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with the exit code, null after a signal. */
  async end(name: NodeJS.Signals): Promise<number | null> {
    if (this.hasEnded) return this.#child.exitCode;
    const exited = once(this.#child, "exit");
    this.#child.kill(name);
    await exited;
    return this.#child.exitCode;
  }

  #wake(): void {
    this.#heard.resolve(null);
    this.#heard = Promise.withResolvers();
  }
}
