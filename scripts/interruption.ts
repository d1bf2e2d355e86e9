// Ctrl-C, or a kill, while a script of the dev stack is at work: what is in hand comes to its end, then the script ends.
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const controller = new AbortController();
let inHand = 0;
let leave: (() => never) | undefined;

/** Aborted by the first signal; its name is the reason. */
export const interruption: AbortSignal = controller.signal;

/**
 * Listens until the script ends. When interrupted it ends as soon as nothing is in hand, with the exit code of a program
 * that the signal ended.
 *
 * @param command What runs it again, e.g. `npm start`.
 */
export function endWhenInterrupted(command: string): void {
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // one Ctrl-C may come several times: from the terminal, from npm, from the script's own parent
      leave ??= () => {
        process.stderr.write(`\ninterrupted; run \`${command}\` again\n`);
        process.exit(128 + constants.signals[signal]);
      };
      controller.abort(signal);
      if (inHand === 0) leave();
    });
  }
}

/** Runs what must come to its own end; it has to hear of the interruption by itself. */
export async function inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
  inHand += 1;
  try {
    return await work();
  } finally {
    inHand -= 1;
    leave?.();
  }
}
