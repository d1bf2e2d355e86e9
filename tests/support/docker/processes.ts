import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Resolves when it has ended of itself, told to. */
export async function end(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const ended = once(process, "exit");
  process.kill("SIGTERM");
  await ended;
}
