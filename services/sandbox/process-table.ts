import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { setImmediate, setTimeout } from "node:timers/promises";

/** A process of this machine. Its start time tells it from a later one with the same number. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: string;
}

interface ProcessState extends ProcessId {
  readonly state: string;
}

function readState(pid: number): ProcessState | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // "pid (name) state ppid …": the name may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { pid, state: fields[0] ?? "", startTime: fields[19] ?? "" };
}

export function identify(pid: number): ProcessId | undefined {
  const state = readState(pid);
  return state === undefined || state.state === "Z" || state.state === "X" ? undefined : state;
}

/** False as well when the process is a zombie: it runs no more, and holds nothing. */
export function isAlive({ pid, startTime }: ProcessId): boolean {
  return identify(pid)?.startTime === startTime;
}

/** Kills it, unless it is gone. */
export function kill(id: ProcessId): void {
  if (!isAlive(id)) return;
  try {
    process.kill(id.pid, "SIGKILL");
  } catch {
    // it went in this moment
  }
}

/**
 * Waits until a process is gone. The first process of a PID namespace is gone only after all others in it: the kernel
 * kills and reaps them first. There is no event for a process that is not our child, so this looks again and again:
 * it was killed before, and takes well below a millisecond.
 */
export async function waitUntilGone(id: ProcessId): Promise<void> {
  for (let round = 0; isAlive(id); round++) await (round < 50 ? setImmediate() : setTimeout(1));
}

/** Processes of which an argument starts with `prefix`, with the rest of that argument. */
export function findByArgument(prefix: string): { id: ProcessId; rest: string }[] {
  const found: { id: ProcessId; rest: string }[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    let commandLine: string;
    try {
      commandLine = readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
      continue;
    }
    const argument = commandLine.split("\0").find((text) => text.startsWith(prefix));
    const id = argument === undefined ? undefined : identify(pid);
    if (argument !== undefined && id !== undefined) found.push({ id, rest: argument.slice(prefix.length) });
  }
  return found;
}

/** Tells this process's PID namespace, in which alone its number means it, from a container's and from the host's. */
export function pidNamespace(): string {
  return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
}

/** `<pid>-<start time>`: names this process in what it leaves on the machine. */
export function ownerName(): string {
  const self = identify(process.pid);
  return `${process.pid}-${self?.startTime ?? "0"}`;
}

export function ownerIsAlive(name: string): boolean {
  const [pid, startTime] = name.split("-");
  return isAlive({ pid: Number(pid), startTime: startTime ?? "" });
}
