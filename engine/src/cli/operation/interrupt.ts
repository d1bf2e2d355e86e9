/** Ctrl-C: once lets what runs come to its end, twice ends now. */
import { exitCodes } from "../../backend/errors.ts";

export interface Interrupt {
  readonly signal: AbortSignal;
  stop(): void;
}

/**
 * Listens until `stop` is called.
 * @param now What must be done before the process ends at once; what it waits for is given two seconds.
 */
export function listenForInterrupt(say: (text: string) => void, now: () => Promise<void> | void): Interrupt {
  const controller = new AbortController();
  const interrupted = (): void => {
    if (controller.signal.aborted) {
      say("^C received again; terminating immediately.\n");
      const end = (): never => process.exit(exitCodes.cancelled);
      const waited = now();
      if (waited === undefined) end();
      setTimeout(end, 2_000);
      void waited?.then(end, end);
      return;
    }
    say(
      "^C received; cancelling. If you would like to terminate immediately, press ^C again.\n" +
        "Note that terminating immediately may lead to orphaned resources and other inconsistencies.\n",
    );
    controller.abort();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, interrupted);
  return {
    signal: controller.signal,
    stop: () => {
      for (const signal of signals) process.off(signal, interrupted);
    },
  };
}
