// What an earlier start that was killed, or a person, may have left: found and said before anything is started.
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { isOwnRecord, listRecords, readIdentity } from "../components/local/daemon-record.ts";
import { portConflict } from "../components/local/daemon-resource.ts";
import { isRunning, startedAtOf, startTimeOf } from "../components/local/process-table.ts";
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

/** The holder of a lock, unless it is gone: killed, or its number now belongs to a later process. */
function livingHolder(file: string): z.infer<typeof Lock> | undefined {
  const lock = Lock.safeParse(readJson(file));
  if (!lock.success) return undefined;
  const { pid, timestamp } = lock.data;
  if (lock.data.hostname !== hostname()) return lock.data; // nothing is known of another machine's processes
  const CLOCK_SLACK_MS = 2_000;
  const isLater = (startedAtOf(pid) ?? 0) > Date.parse(timestamp) + CLOCK_SLACK_MS;
  return startTimeOf(pid) === undefined || isLater ? undefined : lock.data;
}

/**
 * Waits for another operation on the stack, e.g. the rest of a start that was killed, and removes the locks of those
 * that were killed themselves: Pulumi's own engine would refuse to work until told to `cancel`.
 *
 * @throws ScriptError when the other operation does not end within `waitMs`.
 */
export async function clearLocks(waitMs = 60_000): Promise<void> {
  const POLL_MS = 200;
  const deadline = Date.now() + waitMs;
  for (const file of lockFiles()) {
    const holder = livingHolder(file);
    if (holder !== undefined) {
      const who = `another pulumi (process ${holder.pid}, since ${holder.timestamp})`;
      say(`found: ${who} works on the stack; waiting for it`);
      while (existsSync(file) && livingHolder(file) !== undefined) {
        if (Date.now() > deadline) {
          throw new ScriptError(
            `${who} still works on the stack; end it and run the same command again. Its lock is ${path.relative(ROOT, file)}.`,
          );
        }
        await delay(POLL_MS);
      }
    }
    if (!existsSync(file)) continue;
    say("found: the lock of a pulumi that was killed; removing it");
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
    else if (record.projectDir !== ROOT)
      say(`found: ${record.name} runs for ${record.projectDir}; starting it again here`);
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
