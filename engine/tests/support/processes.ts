/** Who is left of what a sandbox started: by the environment, which everything that it starts inherits. */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import type { Sandbox } from "./pulumi.ts";

export interface LiveProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes that were started in a sandbox and are alive; zombies are not. Needs /proc. */
export async function processesOf(sandbox: Sandbox): Promise<LiveProcess[]> {
  const mark = `PULUMI_HOME=${sandbox.env["PULUMI_HOME"] ?? ""}\0`;
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

/** Resolves when none is left; the test's own time limit ends the wait. */
export async function allGone(sandbox: Sandbox): Promise<void> {
  while ((await processesOf(sandbox)).length > 0) await setTimeout(20);
}
