/** What tests of calls and terminals look at from outside, and how they wait for it. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";

/** Command lines of this machine's processes that begin with the text. */
export function processes(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        const state = readFileSync(`/proc/${pid}/stat`, "utf8");
        return line.startsWith(text) && !/\) [ZX] /.test(state) ? [line] : [];
      } catch {
        return []; // it has ended meanwhile
      }
    });
}

/** Resident bytes of a process. */
export const rssOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;

/** Looks again and again until it is so, for 20 s. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, condition.toString());
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Waits until a number does not grow any more. */
export async function untilStable(read: () => number): Promise<number> {
  let last = read();
  for (let calm = 0; calm < 10;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = read();
    calm = now > last + 1024 ** 2 ? 0 : calm + 1;
    last = Math.max(last, now);
  }
  return last;
}
