/** The cluster's own control groups: two kubelets on one machine would clear away each other's pods. */
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";

const CGROUPS = "/sys/fs/cgroup";

/** Every hierarchy with version 1, the one with version 2. */
async function hierarchies(): Promise<string[]> {
  const mounts = (await readFile("/proc/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  return mounts
    .filter(([, mount, type]) => mount?.startsWith(CGROUPS) && (type === "cgroup" || type === "cgroup2"))
    .map(([, mount]) => mount ?? "");
}

export async function makeCgroups(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const group = path.join(hierarchy, name);
    await mkdir(group, { recursive: true });
    if (path.basename(hierarchy) !== "cpuset") continue;
    // Version 1 begins a group with no processor and no memory node: nothing could run in it.
    for (const file of ["cpuset.cpus", "cpuset.mems"])
      await writeFile(path.join(group, file), await readFile(path.join(hierarchy, file), "utf8"));
  }
}

export async function removeCgroups(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeGroup(path.join(hierarchy, name));
}

async function removeGroup(group: string): Promise<void> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(path.join(group, entry.name));
  await rmdir(group).catch(() => undefined); // still held by a process that is just ending, or never made
}
