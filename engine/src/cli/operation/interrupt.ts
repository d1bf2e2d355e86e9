/** Ctrl-C: once lets what runs come to its end, twice ends now. `pulumi cancel` of another process is as Ctrl-C once. */
import { exitCodes } from "../../backend/errors.ts";
import type { StackLock } from "../../backend/lock.ts";

/** How soon an operation notices that its lock was removed. */
const LOCK_INTERVAL_MS = 1_000;

export interface Interrupt {
  readonly signal: AbortSignal;
  /** From now on the operation is cancelled when its lock is removed. */
  watch(lock: StackLock): void;
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
  let watching: NodeJS.Timeout | undefined;
  const cancelWithout = async (lock: StackLock): Promise<void> => {
    // a store that cannot be asked just now says nothing of the lock
    const held = await lock.isHeld().catch(() => true);
    if (held || watching === undefined || controller.signal.aborted) return;
    say("The stack's lock was removed (`pulumi cancel`); cancelling. What runs comes to its end.\n");
    controller.abort();
  };
  return {
    signal: controller.signal,
    watch: (lock) => {
      watching = setInterval(() => void cancelWithout(lock), LOCK_INTERVAL_MS).unref();
    },
    stop: () => {
      clearInterval(watching);
      watching = undefined;
      for (const signal of signals) process.off(signal, interrupted);
    },
  };
}
