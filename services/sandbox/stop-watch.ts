import { constants } from "node:os";
import type { SandboxExit } from "./sandbox.ts";

const SIGNAL_NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** The end of a command that was cancelled before it began. */
export const NOT_STARTED: SandboxExit = {
  exitCode: null,
  signal: "SIGKILL",
  timedOut: false,
  outOfMemory: false,
  durationMs: 0,
};

/** One command's time: fires once, when its time is up or its caller has had enough. */
export class StopWatch {
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal;
  readonly #stop: () => void;
  #onStop: () => void = () => undefined;
  #timedOut = false;

  constructor(timeoutMs: number, signal: AbortSignal) {
    this.#signal = signal;
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#onStop();
    }, timeoutMs);
    this.#stop = () => this.#onStop();
    signal.addEventListener("abort", this.#stop, { once: true });
  }

  get stopped(): boolean {
    return this.#timedOut || this.#signal.aborted;
  }

  /** Called once it fires; at once if it has. */
  onStop(action: () => void): void {
    this.#onStop = action;
    if (this.stopped) action();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#stop);
  }

  /** The command's end. A shell says 128 + n of what signal n has ended, and so does bwrap. */
  exit(end: { code: number | null; signal: string | null }, outOfMemory = false): SandboxExit {
    const bySignal = end.signal ?? (end.code !== null && end.code > 128 ? SIGNAL_NAMES.get(end.code - 128) : undefined);
    return {
      exitCode: bySignal === undefined ? end.code : null,
      signal: bySignal ?? null,
      timedOut: this.#timedOut,
      outOfMemory,
      durationMs: performance.now() - this.#startedAt,
    };
  }
}
