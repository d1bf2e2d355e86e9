import { openSync, readdirSync, readFileSync } from "node:fs";

const O_CLOEXEC = 0o2000000;

/**
 * Entries of a child's `stdio`, from descriptor `from` on, that put /dev/null in the place of every descriptor which a
 * child would inherit. Node closes what it opened itself; what this process was started with (a log file, a listening
 * socket of whoever started it) goes on to every child, and so into a sandbox. Empty where nothing was inherited.
 */
export function overInherited(from: number): ("ignore" | number)[] {
  const inherited = readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd > 2 && isInheritable(fd));
  if (inherited.length === 0) return [];
  const empty = openSync("/dev/null", "r");
  const entries: ("ignore" | number)[] = [];
  for (const fd of inherited) if (fd >= from) entries[fd - from] = empty;
  return Array.from(entries, (entry: "ignore" | number | undefined) => entry ?? "ignore");
}

function isInheritable(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
    return (parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false; // the one that lists the folder
  }
}
