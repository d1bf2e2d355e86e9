import { openSync, readdirSync, readFileSync } from "node:fs";

const O_CLOEXEC = 0o2000000;
/** Those that this process has opened since without O_CLOEXEC: a library of its own may not know the flag. */
const opened = new Set<number>();
let devNull: number | undefined;

/**
 * Keeps a descriptor that is open without O_CLOEXEC out of every sandbox until it is told that the descriptor is
 * closed. Call it in the same turn of the event loop in which the descriptor was opened.
 */
export function hideFromChildren(fd: number): () => void {
  opened.add(fd);
  return () => void opened.delete(fd);
}

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
  return entriesFor(inherited, from, (devNull ??= openSync("/dev/null", "r")));
}

/** The same beside what this process has opened since, and told of by `hideFromChildren`. */
export function withOpened(inherited: readonly ("ignore" | number)[], from: number): readonly ("ignore" | number)[] {
  if (opened.size === 0) return inherited;
  const entries = entriesFor([...opened], from, (devNull ??= openSync("/dev/null", "r")));
  const length = Math.max(entries.length, inherited.length);
  return Array.from({ length }, (_, at) => {
    const entry = inherited[at] ?? "ignore"; // which leaves what is there
    return entry === "ignore" ? (entries[at] ?? "ignore") : entry;
  });
}

function entriesFor(fds: readonly number[], from: number, entry: number): ("ignore" | number)[] {
  const entries: ("ignore" | number)[] = [];
  for (const fd of fds) if (fd >= from) entries[fd - from] = entry;
  return Array.from(entries, (given: "ignore" | number | undefined) => given ?? "ignore");
}

function isInheritable(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0";
    return (parseInt(flags, 8) & O_CLOEXEC) === 0;
  } catch {
    return false; // the one that lists the folder
  }
}
