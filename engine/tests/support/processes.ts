/** Who is left of what a test started: by the environment, which everything that it starts inherits. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import type { Sandbox } from "./pulumi.ts";

export interface LiveProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes that are alive, zombies not, with this `NAME=value` in the environment that they began with. Needs /proc. */
export async function processesWith(variable: string): Promise<LiveProcess[]> {
  const mark = `${variable}\0`;
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      // it may end while it is looked at; a zombie's environment is empty
      const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
      if (!`${environment}\0`.includes(mark)) return [];
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return [{ pid: Number(pid), command: command.replaceAll("\0", " ").trim() }];
    }),
  );
  return found.flat();
}

/** Processes that were started in a sandbox. */
export function processesOf(sandbox: Sandbox): Promise<LiveProcess[]> {
  return processesWith(`PULUMI_HOME=${sandbox.env["PULUMI_HOME"] ?? ""}`);
}

/** Resolves when none is left; the test's own time limit ends the wait. */
export async function allGone(sandbox: Sandbox): Promise<void> {
  while ((await processesOf(sandbox)).length > 0) await setTimeout(20);
}

/**
 * For what gives no signal, such as the table of processes: looks again and again, and fails after `tries`, a minute by
 * default, so that what went wrong is not waited for for ever.
 */
export async function until(what: string, condition: () => boolean | Promise<boolean>, tries = 3_000): Promise<void> {
  for (let tried = 0; !(await condition()); tried += 1) {
    assert.ok(tried < tries, `it did not come to be: ${what}`);
    await setTimeout(20);
  }
}
