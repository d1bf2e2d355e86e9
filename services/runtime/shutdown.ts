import type { Logger } from "./logger.ts";

export interface Closer {
  readonly name: string;
  readonly close: () => Promise<unknown>;
}

export interface ShutdownOptions {
  readonly log: Logger;
  /** How long all closers together may take, in milliseconds; the process ends with status 1 after it. */
  readonly deadlineMs: number;
  /** Run one after the other: what takes work first, what others need last. One that fails does not stop the next. */
  readonly close: readonly Closer[];
}

export interface Shutdown {
  /** Closes everything once and ends the process, however often it is called. */
  shutdown(reason: string): Promise<void>;
}

/** Ends the process in good order on SIGTERM and SIGINT, and at once (status 1) on an error that nobody caught. */
export function onShutdown(options: ShutdownOptions): Shutdown {
  const { log } = options;
  let closing: Promise<void> | undefined;

  const shutdown = (reason: string): Promise<void> => {
    closing ??= closeAll(options, reason).then((failed) => process.exit(failed ? 1 : 0));
    return closing;
  };
  const crash = (error: unknown, origin: string): void => {
    log.fatal({ event: "crashed", origin, err: error }, "an error was not caught");
    process.exit(1);
  };

  process.on("SIGTERM", () => void shutdown("SIGTERM"));
  process.on("SIGINT", () => void shutdown("SIGINT"));
  process.on("uncaughtException", (error) => crash(error, "exception"));
  process.on("unhandledRejection", (error) => crash(error, "rejection"));
  return { shutdown };
}

async function closeAll({ log, deadlineMs, close }: ShutdownOptions, reason: string): Promise<boolean> {
  log.info({ event: "shutdown_started", reason }, "shutting down");
  let current = "";
  const timer = setTimeout(() => {
    log.error({ event: "shutdown_deadline_exceeded", closer: current, deadlineMs }, "shutdown took too long");
    process.exit(1);
  }, deadlineMs);
  let failed = false;
  for (const closer of close) {
    current = closer.name;
    try {
      await closer.close();
    } catch (error) {
      failed = true;
      log.error({ event: "shutdown_step_failed", closer: closer.name, err: error }, "a part did not close");
    }
  }
  clearTimeout(timer);
  log.info({ event: "shutdown_finished", reason }, "shut down");
  return failed;
}
