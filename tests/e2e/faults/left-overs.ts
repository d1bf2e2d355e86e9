import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";

/** What tasks that have ended must not leave on the machine: files, processes, mounts, cgroups. */
export async function leftOnMachine(workspacesDir: string, workerPids: ReadonlySet<number>): Promise<string[]> {
  const left: string[] = [];
  for (const workspace of await readdir(workspacesDir)) {
    const folder = path.join(workspacesDir, workspace);
    for (const name of await readdir(path.join(folder, "tasks")).catch(() => [])) left.push(`folder ${name} is left`);
    for (const name of await readdir(path.join(folder, ".ssh")).catch(() => []))
      left.push(`credential ${name} is left`);
    if ((await stat(path.join(folder, ".gitconfig")).catch(() => undefined)) !== undefined)
      left.push(".gitconfig is left");
  }
  return [
    ...left,
    ...(await leftProcesses(workspacesDir)),
    ...(await leftMounts(workspacesDir)),
    ...(await leftCgroups([...workerPids])),
  ];
}

/** The files below `folders` that hold `secret`, in any place of them: workspaces, runtime folders, logs. */
export async function filesHolding(folders: readonly string[], secret: string): Promise<string[]> {
  const found = new Set<string>();
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
      const file = path.join(entry.parentPath, entry.name);
      if (entry.isFile() && (await readFile(file).catch(() => Buffer.alloc(0))).includes(secret)) found.add(file);
    }
  }
  return [...found];
}

/** When each task's command has run: the births of the files that it made, by the task's id. */
export async function effectsOf(workspacesDir: string): Promise<Map<string, number[]>> {
  const births = new Map<string, number[]>();
  for (const workspace of await readdir(workspacesDir)) {
    const folder = path.join(workspacesDir, workspace, "artifacts");
    for (const name of await readdir(folder).catch(() => [])) {
      const [taskId = ""] = name.split(".");
      const { birthtimeMs } = await stat(path.join(folder, name));
      births.set(taskId, [...(births.get(taskId) ?? []), birthtimeMs]);
    }
  }
  return births;
}

/** Processes that name the folder of the workspaces: each sandbox is given it as an argument. */
async function leftProcesses(folder: string): Promise<string[]> {
  const left: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await read(`/proc/${pid}/cmdline`);
    if (command.includes(folder)) left.push(`process ${pid} is left: ${command.split("\0").slice(0, 3).join(" ")}`);
  }
  return left;
}

async function leftMounts(folder: string): Promise<string[]> {
  const mounts = (await read("/proc/self/mountinfo")).split("\n").filter((line) => line.includes(`${folder}/`));
  return mounts.map((line) => `mount ${line.split(" ")[4] ?? ""} is left`);
}

/** Cgroups of these workers' commands: they are named after the process that made them. */
async function leftCgroups(pids: readonly number[]): Promise<string[]> {
  const own = new RegExp(`/automatos-(${pids.join("|")})-[^/]*$`);
  const folders = await readdir("/sys/fs/cgroup", { recursive: true }).catch(() => []);
  return folders.filter((name) => own.test(`/${name}`)).map((name) => `cgroup ${name} is left`);
}

const read = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");
