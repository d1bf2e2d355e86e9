/** Waits for words of a command that runs. */
import type { ChildProcess } from "node:child_process";

/**
 * Resolves when a command has said `words` on one of its streams, from now on.
 * @throws Error when it ends without them.
 */
export function untilSaid(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      let said = "";
      stream?.on("data", (text: Buffer | string) => {
        said += String(text);
        if (said.includes(words)) resolve();
      });
    }
    child.on("close", (code) => reject(new Error(`it ended with ${String(code)} and never said "${words}"`)));
  });
}
