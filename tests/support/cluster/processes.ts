/** The cluster's processes: started in its network, ended by what they hold of it. */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { ClusterFolders, Component } from "./components.ts";
import { inNetwork } from "./network.ts";
import type { ClusterNetwork } from "./network.ts";
import { programOfMachine } from "../debian-packages.ts";
import { isAlive } from "./state.ts";

const run = promisify(execFile);
const POLL_MS = 100;
const PATIENCE_MS = 10_000;

export interface RunningComponent {
  readonly name: string;
  readonly pid: number;
  /** When it ends by itself, which is never as it should be: what it said last. */
  readonly ended: Promise<string>;
}

export function startComponent(
  { name, command }: Component,
  folders: ClusterFolders,
  network: ClusterNetwork,
): RunningComponent {
  const logs = path.join(folders.run, "log");
  mkdirSync(logs, { recursive: true });
  const log = path.join(logs, `${name}.log`);
  const output = openSync(log, "a");
  const [program = "", ...args] = command;
  const [nsenter = "", ...rest] = inNetwork(network, [programOfMachine(program) ?? program, ...args]);
  const child = spawn(nsenter, rest, { detached: true, stdio: ["ignore", output, output] });
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`${name} could not be started: ${error.message}`));
    child.on("exit", (code, signal) => {
      resolve(`${name} ended (${signal ?? `exit ${String(code)}`}):\n${tail(log)}`);
    });
  });
  return { name, pid: child.pid ?? -1, ended };
}

function tail(file: string): string {
  return readFileSync(file, "utf8").split("\n").slice(-15).join("\n");
}

/** Polls until it holds. @throws when a component ends meanwhile, or after two minutes */
export async function until(
  what: string,
  running: readonly RunningComponent[],
  holds: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + 120_000;
  let failure: string | undefined;
  void Promise.race(running.map(({ ended }) => ended)).then((words) => {
    failure = words;
  });
  while (!(await holds())) {
    if (failure !== undefined) throw new Error(failure);
    if (Date.now() > deadline) throw new Error(`the test cluster waited two minutes for ${what} in vain`);
    await delay(POLL_MS);
  }
}

/** Ends one process: asked first, killed when it does not listen. */
export async function endProcess(pid: number): Promise<void> {
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return; // gone
    }
    const deadline = Date.now() + PATIENCE_MS;
    while (isAlive(pid) && Date.now() < deadline) await delay(POLL_MS);
    if (!isAlive(pid)) return;
  }
}

/** Everything whose command line names the cluster's folders: its components, and the keepers of its containers. */
export async function processesOf({ run: folder, etcd }: ClusterFolders): Promise<number[]> {
  const named = [`${folder}/`, etcd];
  const found: number[] = [];
  for (const entry of await readdir("/proc")) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = (await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ");
    if (named.some((name) => command.includes(name)) && isAlive(pid)) found.push(pid);
  }
  return found;
}

/** Kills all containers, so that nothing of them outlives containerd. */
export async function endContainers({ containerdSocket }: ClusterFolders): Promise<void> {
  const ctr = (...args: string[]) => run("ctr", ["-a", containerdSocket, "-n", "k8s.io", "--timeout", "5s", ...args]);
  const tasks = await ctr("tasks", "ls", "-q").then(
    ({ stdout }) => stdout.split("\n").filter(Boolean),
    () => [],
  );
  await Promise.all(tasks.map((task) => ctr("tasks", "kill", "-s", "KILL", task).catch(() => undefined)));
  await Promise.all(tasks.map((task) => ctr("tasks", "rm", "-f", task).catch(() => undefined)));
}

/** Network namespaces of the pods that are still there: containerd makes them on the machine, by names of its own. */
export async function networksOfPods({ run: folder }: ClusterFolders): Promise<string[]> {
  const tasks = path.join(folder, "containerd/state/io.containerd.runtime.v2.task/k8s.io");
  const names = new Set<string>();
  for (const task of await readdir(tasks).catch(() => [])) {
    const config = await readFile(path.join(tasks, task, "config.json"), "utf8").catch(() => "");
    const [, name] = /\/netns\/(cni-[\w-]+)"/.exec(config) ?? [];
    if (name !== undefined) names.add(name);
  }
  return [...names];
}

export async function removeNetworks(names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => run("ip", ["netns", "delete", name]).catch(() => undefined)));
}

export async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile("/proc/mounts", "utf8"))
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((mount) => mount.startsWith(`${folder}/`))
    .sort()
    .reverse();
  for (const mount of mounts) await run("umount", ["-l", mount]).catch(() => undefined);
}

export async function removeFolders(folders: ClusterFolders): Promise<void> {
  await Promise.all([folders.run, folders.etcd].map((folder) => rm(folder, { recursive: true, force: true })));
}
