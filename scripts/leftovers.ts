// What an earlier start that was killed, or a person, may have left: found and said before anything is started.
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { z } from "zod";
import { isOwnRecord, listRecords, readIdentity } from "../components/local/daemon-record.ts";
import { portConflict } from "../components/local/daemon-resource.ts";
import { identityOf, isRunning } from "../components/local/process-table.ts";
import type { LocalConfig } from "../contracts/stack-config.ts";
import { ROOT, say, ScriptError, STACK } from "./dev-stack.ts";

const LOCKS = path.join(ROOT, ".pulumi", "locks", "organization", "automatos", STACK);
const Lock = z.object({ pid: z.number(), hostname: z.string(), timestamp: z.string() });

function lockFiles(): string[] {
  try {
    return readdirSync(LOCKS).map((name) => path.join(LOCKS, name));
  } catch {
    return []; // nothing was ever locked
  }
}

/**
 * Removes the locks of operations that were killed. Pulumi's own engine would refuse to work until told to `cancel`.
 *
 * @throws ScriptError when another operation is at work.
 */
export function clearLocks(): void {
  for (const file of lockFiles()) {
    const lock = Lock.safeParse(readJson(file));
    const alive = lock.success && (lock.data.hostname !== hostname() || identityOf(lock.data.pid) !== undefined);
    if (alive) {
      throw new ScriptError(
        `another pulumi (process ${lock.data.pid}, since ${lock.data.timestamp}) works on the stack; ` +
          `wait for it, or end it and run the same command again. Its lock is ${path.relative(ROOT, file)}.`,
      );
    }
    say(`found: the lock of a pulumi that was killed; removing it`);
    rmSync(file, { force: true });
  }
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // cut short by what killed its writer
  }
}

/** Says which processes of the platform are gone: `up` starts them again. */
export function reportDeadProcesses(): void {
  for (const record of listRecords(ROOT)) {
    if (!isOwnRecord(ROOT, record)) continue;
    const identity = readIdentity(ROOT, record.name);
    const dead = identity === undefined || !isRunning(identity);
    if (dead) say(`found: ${record.name} (process ${identity?.pid ?? "unknown"}) is not running; starting it again`);
    else if (record.projectDir !== ROOT) say(`found: ${record.name} runs for ${record.projectDir}; starting it again here`);
  }
}

/**
 * Checks every port before anything starts.
 *
 * @throws ScriptError naming all that are taken, who has them, and the keys that set others.
 */
export async function checkPorts({ ports, workers }: LocalConfig): Promise<void> {
  const wanted = [
    ["the API", ports.api, "ports.api"],
    ["the gateway", ports.gateway, "ports.gateway"],
    ["PostgreSQL", ports.postgres, "ports.postgres"],
    ...Array.from({ length: workers }, (_, index) => {
      return [`worker ${index + 1}`, ports.worker + index, "ports.worker"] as const;
    }),
  ] as const;
  const conflicts = await Promise.all(wanted.map(([name, port, key]) => portConflict(ROOT, name, port, key)));
  const taken = conflicts.filter((conflict) => conflict !== undefined);
  if (taken.length > 0) throw new ScriptError(`${taken.join("\n")}\n(settings are in Pulumi.${STACK}.yaml)`);
}
