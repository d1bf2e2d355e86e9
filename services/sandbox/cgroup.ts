import * as fs from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { ownerIsAlive } from "./process-table.ts";
import type { SandboxLimits } from "./sandbox.ts";

const CPU_PERIOD_US = 100_000;
const NAME_PREFIX = "automatos-";

/** Limits for one command. Removed with `remove()`, which kills what is still in it. */
export interface Cgroup {
  /**
   * Files that a process writes `0` to, to enter by itself (version 1). There that takes microseconds, while moving
   * another process waits for the kernel's readers: 10 to 25 ms were seen.
   */
  readonly entryFiles: readonly string[];
  /** Puts a process in from outside (version 2, which has no other way). It must not have forked yet. */
  place(pid: number): void;
  /** How many processes the memory limit has killed. */
  outOfMemoryKills(): number;
  remove(): Promise<void>;
}

/** Makes cgroups below this process's own: what limits the service limits its commands. */
export interface CgroupDriver {
  readonly version: "cgroup-v1" | "cgroup-v2";
  create(name: string, limits: SandboxLimits): Cgroup;
  /** Removes what services that are gone left here, and kills what is in it. Resolves to the number of processes. */
  removeLeftOvers(): Promise<number>;
}

/** Where cgroups are mounted and what `/proc/self/cgroup` says; replaced in tests. */
export interface CgroupPlace {
  readonly mountPoint: string;
  readonly selfCgroup: string;
}

const machinePlace = (): CgroupPlace => ({
  mountPoint: "/sys/fs/cgroup",
  selfCgroup: fs.readFileSync("/proc/self/cgroup", "utf8"),
});

/** The driver for this machine, or undefined when it lets us make no cgroup with limits. */
export function openCgroups(place: CgroupPlace = machinePlace()): CgroupDriver | undefined {
  return openVersion1(place) ?? openVersion2(place);
}

function openVersion1({ mountPoint, selfCgroup }: CgroupPlace): CgroupDriver | undefined {
  const parents = new Map<string, string>();
  for (const line of selfCgroup.split("\n")) {
    const [, controllers = "", path = ""] = line.split(":");
    for (const controller of controllers.split(",")) {
      if (["memory", "pids", "cpu"].includes(controller)) parents.set(controller, join(mountPoint, controllers, path));
    }
  }
  const memory = parents.get("memory");
  const pids = parents.get("pids");
  const cpu = parents.get("cpu");
  if (memory === undefined || pids === undefined) return undefined;
  const folders = [...new Set([memory, pids, ...(cpu === undefined ? [] : [cpu])])];
  if (!folders.every(canMakeFolder)) return undefined;
  return {
    version: "cgroup-v1",
    create(name, limits) {
      const own = folders.map((folder) => join(folder, NAME_PREFIX + name));
      const memoryBytes = String(limits.memoryMb * 1024 ** 2);
      for (const folder of own) fs.mkdirSync(folder);
      const inMemory = join(memory, NAME_PREFIX + name);
      fs.writeFileSync(join(inMemory, "memory.limit_in_bytes"), memoryBytes);
      writeIfThere(join(inMemory, "memory.memsw.limit_in_bytes"), memoryBytes); // memory and swap together
      fs.writeFileSync(join(pids, NAME_PREFIX + name, "pids.max"), String(limits.maxProcesses));
      if (cpu !== undefined) {
        writeIfThere(join(cpu, NAME_PREFIX + name, "cpu.cfs_period_us"), String(CPU_PERIOD_US));
        writeIfThere(join(cpu, NAME_PREFIX + name, "cpu.cfs_quota_us"), cpuQuota(limits));
      }
      return {
        entryFiles: own.map((folder) => join(folder, "tasks")),
        place: () => undefined,
        outOfMemoryKills: () => readCount(join(inMemory, "memory.oom_control"), "oom_kill"),
        remove: async () => {
          await Promise.all(own.map(removeFolder));
        },
      };
    },
    removeLeftOvers: () => removeLeftOvers(folders),
  };
}

function openVersion2({ mountPoint, selfCgroup }: CgroupPlace): CgroupDriver | undefined {
  const path = /^0::(.*)$/m.exec(selfCgroup)?.[1];
  if (path === undefined) return undefined;
  const parent = join(mountPoint, path);
  if (!enableControllers(parent)) return undefined;
  return {
    version: "cgroup-v2",
    create(name, limits) {
      const own = join(parent, NAME_PREFIX + name);
      fs.mkdirSync(own);
      fs.writeFileSync(join(own, "memory.max"), String(limits.memoryMb * 1024 ** 2));
      writeIfThere(join(own, "memory.swap.max"), "0");
      fs.writeFileSync(join(own, "pids.max"), String(limits.maxProcesses));
      writeIfThere(join(own, "cpu.max"), `${cpuQuota(limits)} ${CPU_PERIOD_US}`);
      return {
        entryFiles: [],
        place: (pid) => fs.writeFileSync(join(own, "cgroup.procs"), String(pid)),
        outOfMemoryKills: () => readCount(join(own, "memory.events"), "oom_kill"),
        remove: async () => {
          await removeFolder(own);
        },
      };
    },
    removeLeftOvers: () => removeLeftOvers([parent]),
  };
}

/**
 * Lets `parent` hand its controllers to cgroups below it. A cgroup that does may hold no process itself, so this
 * process moves to a leaf first; when others are in there too (no delegation), nothing is changed.
 */
function enableControllers(parent: string): boolean {
  try {
    const has = (file: string) => {
      const names = fs.readFileSync(join(parent, file), "utf8").split(/\s+/);
      return names.includes("memory") && names.includes("pids");
    };
    if (has("cgroup.subtree_control")) return canMakeFolder(parent);
    if (!has("cgroup.controllers")) return false;
    const members = fs.readFileSync(join(parent, "cgroup.procs"), "utf8").trim().split("\n");
    if (members.some((pid) => pid !== "" && pid !== String(process.pid))) return false;
    const leaf = join(parent, "automatos-service");
    fs.mkdirSync(leaf, { recursive: true });
    fs.writeFileSync(join(leaf, "cgroup.procs"), String(process.pid));
    const all = fs.readFileSync(join(parent, "cgroup.controllers"), "utf8").includes("cpu")
      ? "+memory +pids +cpu"
      : "+memory +pids";
    fs.writeFileSync(join(parent, "cgroup.subtree_control"), all);
    return true;
  } catch {
    return false;
  }
}

const cpuQuota = (limits: SandboxLimits) => String(Math.max(1_000, (limits.cpuMillicores * CPU_PERIOD_US) / 1_000));

function canMakeFolder(parent: string): boolean {
  const probe = join(parent, `${NAME_PREFIX}probe-${process.pid}`);
  try {
    fs.mkdirSync(probe);
    fs.rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

/** For limits that not every kernel has: no swap accounting, no CPU quota. */
function writeIfThere(file: string, value: string): void {
  if (fs.existsSync(file)) fs.writeFileSync(file, value);
}

function readCount(file: string, key: string): number {
  const line = fs
    .readFileSync(file, "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${key} `));
  return Number(line?.split(" ")[1] ?? 0);
}

/** Kills all that is in a cgroup and removes it. Resolves to the number of processes that were in it. */
async function removeFolder(folder: string): Promise<number> {
  const seen = new Set<number>();
  for (let attempt = 0; attempt < 500; attempt++) {
    try {
      for (const pid of fs.readFileSync(join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number)) {
        seen.add(pid);
        if (pid !== process.pid) process.kill(pid, "SIGKILL");
      }
      fs.rmdirSync(folder);
      return seen.size;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return seen.size;
      if (code !== "EBUSY" && code !== "ESRCH") throw error;
    }
    await setTimeout(attempt < 20 ? 0 : 2); // what was killed leaves in its own time
  }
  return seen.size; // in uninterruptible sleep: the next start finds it again
}

async function removeLeftOvers(parents: readonly string[]): Promise<number> {
  let killed = 0;
  for (const parent of parents) {
    const names = fs.readdirSync(parent).filter((name) => /^automatos-\d+-\d+-\d+$/.test(name));
    for (const name of names) {
      const owner = name.slice(NAME_PREFIX.length, name.lastIndexOf("-"));
      if (!ownerIsAlive(owner)) killed += await removeFolder(join(parent, name));
    }
  }
  return killed;
}
