// What an earlier start that was killed, or a person, may have left: found and said before anything is started.
import { setTimeout as delay } from "node:timers/promises";
import { isOwnRecord, listRecords, readIdentity } from "../components/local/daemon-record.ts";
import { portConflict } from "../components/local/daemon-resource.ts";
import { isRunning } from "../components/local/process-table.ts";
import type { LocalConfig } from "../contracts/stack-config.ts";
import { FileBlobs } from "../engine/src/backend/blobs/file-blobs.ts";
import { findHolders } from "../engine/src/backend/lock.ts";
import { stackKeys } from "../engine/src/backend/stack-reference.ts";
import { ROOT, say, ScriptError, STACK } from "./dev-stack.ts";

const STATE = new FileBlobs(ROOT);
const LOCKS = stackKeys({ project: "automatos", name: STACK }).locks;

/**
 * Waits for another operation on the stack, e.g. the rest of a start that was killed, and removes the locks of those
 * that were killed themselves: Pulumi's own engine would refuse to work until told to `cancel`.
 *
 * @throws ScriptError when the other operation does not end within `waitMs`.
 */
export async function clearLocks(waitMs = 60_000): Promise<void> {
  const POLL_MS = 200;
  const deadline = Date.now() + waitMs;
  const told = new Set<string>();
  for (;;) {
    const [holder] = await findHolders(STATE, LOCKS, () =>
      say("found: the lock of a pulumi that was killed; removing it"),
    );
    if (holder === undefined) return;
    const { key, lock } = holder;
    const who = `another pulumi (${lock === undefined ? "unknown" : `process ${lock.pid}, since ${lock.timestamp}`})`;
    if (!told.has(key)) say(`found: ${who} works on the stack; waiting for it`);
    told.add(key);
    if (Date.now() > deadline) {
      throw new ScriptError(
        `${who} still works on the stack; end it and run the same command again. Its lock is ${key}.`,
      );
    }
    await delay(POLL_MS);
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
