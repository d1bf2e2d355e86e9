import { readFile } from "node:fs/promises";

/** A line of /proc/self/mountinfo, as far as quotas need it (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly mountPoint: string;
  readonly fileSystem: string;
  /** A device for file systems that have one. */
  readonly source: string;
  readonly options: readonly string[];
}

/** What is mounted; none where there is no /proc. */
export async function readMounts(): Promise<Mount[]> {
  return parseMounts(await readFile("/proc/self/mountinfo", "utf8").catch(() => ""));
}

export function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [before = "", after] = line.split(" - ");
    const [, , , , mountPoint, options] = before.split(" ");
    const [fileSystem, source, superOptions] = after?.split(" ") ?? [];
    if (mountPoint === undefined || options === undefined || fileSystem === undefined || source === undefined)
      return [];
    return {
      mountPoint: unescape(mountPoint),
      fileSystem,
      source: unescape(source),
      options: [...options.split(","), ...(superOptions?.split(",") ?? [])],
    };
  });
}

/** The mount that a path without symbolic links is on: the last of the longest mount points above it. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  return mounts.reduce<Mount | undefined>((best, mount) => {
    const { mountPoint } = mount;
    const above = path === mountPoint || path.startsWith(mountPoint.endsWith("/") ? mountPoint : `${mountPoint}/`);
    return above && mountPoint.length >= (best?.mountPoint.length ?? 0) ? mount : best;
  }, undefined);
}

/** The kernel writes blanks and backslashes as octal numbers. */
const unescape = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_all, octal: string) => String.fromCharCode(parseInt(octal, 8)));
