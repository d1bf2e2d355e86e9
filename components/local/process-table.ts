import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/**
 * A process on this machine that cannot be mistaken for a later one with the same number:
 * `startTime` is the system's own text for when it started, and only compared, never read.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

interface ProcessRow {
  readonly pid: number;
  readonly parentPid: number;
  readonly groupId: number;
}

const bootId = process.platform === "linux" ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() : "";

/** The fields of `/proc/<pid>/stat` after the command, which may itself hold spaces and parentheses. */
function linuxStatFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readLinuxStat(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined; // the process is gone
  }
}

/** The start time in a line of `/proc/<pid>/stat`; the boot is part of it, as ticks count from there. */
export function startTimeFromLinuxStat(stat: string): string {
  return `${bootId}/${linuxStatFields(stat)[19] ?? ""}`;
}

/** Whether a process has ended and only waits to be reaped. With threads left it still holds its files and ports. */
function isRemains(stat: string): boolean {
  const fields = linuxStatFields(stat);
  return fields[0] === "X" || (fields[0] === "Z" && Number(fields[17]) <= 1);
}

function run(file: string, args: readonly string[]): string {
  try {
    return execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return ""; // the tools answer a process that is gone with a failure
  }
}

/** When a running process started; `undefined` when there is none, or only its remains (a zombie). */
export function startTimeOf(pid: number): string | undefined {
  if (process.platform === "linux") {
    const stat = readLinuxStat(pid);
    return stat === undefined || isRemains(stat) ? undefined : startTimeFromLinuxStat(stat);
  }
  const text =
    process.platform === "win32"
      ? run("powershell", ["-NoProfile", "-Command", `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`])
      : run("ps", ["-o", "lstart=", "-p", String(pid)]);
  return text === "" ? undefined : text;
}

/** Whether that very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime;
}

/** The identity of a process that runs now. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

function listProcesses(): ProcessRow[] {
  if (process.platform === "linux") {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => {
        const stat = readLinuxStat(Number(name));
        if (stat === undefined) return [];
        const fields = linuxStatFields(stat);
        return [{ pid: Number(name), parentPid: Number(fields[1]), groupId: Number(fields[2]) }];
      });
  }
  if (process.platform === "win32") return [];
  return run("ps", ["-A", "-o", "pid=,ppid=,pgid="])
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([pid = 0, parentPid = 0, groupId = 0]) => ({ pid, parentPid, groupId }));
}

/**
 * Everything that `leader` started and that still runs, the leader itself excluded: the members of its process group,
 * which stay in it after the leader's death, and the descendants of both.
 */
export function familyOf(leader: ProcessIdentity): ProcessIdentity[] {
  const now = startTimeOf(leader.pid);
  // the number was given to another process: a group of that number would be that one's
  if (now !== undefined && now !== leader.startTime) return [];
  const rows = listProcesses();
  const family = new Set<number>([leader.pid]);
  for (const row of rows) if (row.groupId === leader.pid) family.add(row.pid);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const row of rows) if (family.has(row.parentPid)) family.add(row.pid);
  }
  family.delete(leader.pid);
  return [...family].flatMap((pid) => identityOf(pid) ?? []);
}

/** The command line of a process, for messages to people; its number alone where it cannot be read. */
export function describeProcess(pid: number): string {
  const command =
    process.platform === "linux" ? readCommandLine(pid) : run("ps", ["-o", "command=", "-p", String(pid)]);
  return command === "" ? `process ${pid}` : `process ${pid} (${command.slice(0, 80)})`;
}

function readCommandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}
