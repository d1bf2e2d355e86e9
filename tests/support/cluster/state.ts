/** What the supervisor of the cluster and its users tell each other, in files below `.automatos/cluster/`. */
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { CLUSTER_DIR, STATE_FILE, USERS_DIR } from "./paths.ts";

/**
 * What runs: `control-plane` is etcd, API server and controllers, where objects are made but nothing runs; `node` adds
 * scheduler, kubelet, containers and services.
 */
export type ClusterLevel = "control-plane" | "node";

export interface ClusterState {
  readonly supervisor: number;
  readonly phase: "starting" | "ready" | "stopping" | "failed";
  /** Undefined until the first level is reached. */
  readonly level?: ClusterLevel;
  /** Names the cluster's network and everything that it owns on the machine: what a later supervisor cleans up. */
  readonly slot?: number | undefined;
  readonly kubeconfig?: string;
  /** With phase `failed`: why. */
  readonly error?: string;
}

export async function readState(): Promise<ClusterState | undefined> {
  try {
    return JSON.parse(await readFile(STATE_FILE, "utf8")) as ClusterState;
  } catch {
    return undefined;
  }
}

export async function writeState(state: ClusterState): Promise<void> {
  await mkdir(CLUSTER_DIR, { recursive: true });
  await writeFile(`${STATE_FILE}.${process.pid}`, JSON.stringify(state));
  await rename(`${STATE_FILE}.${process.pid}`, STATE_FILE);
}

/** This process uses the cluster, at that level, until it says otherwise or ends. */
export async function register(level: ClusterLevel): Promise<void> {
  await mkdir(USERS_DIR, { recursive: true });
  await writeFile(path.join(USERS_DIR, String(process.pid)), level);
}

export async function unregister(): Promise<void> {
  await rm(path.join(USERS_DIR, String(process.pid)), { force: true });
}

/** Levels that living processes want. Forgets the dead. */
export async function wantedLevels(): Promise<ClusterLevel[]> {
  const users = await readdir(USERS_DIR).catch(() => []);
  const wanted: ClusterLevel[] = [];
  for (const user of users) {
    const file = path.join(USERS_DIR, user);
    if (isAlive(Number(user))) {
      const level = await readFile(file, "utf8").catch(() => "");
      if (level === "control-plane" || level === "node") wanted.push(level);
    } else await rm(file, { force: true });
  }
  return wanted;
}

/** A zombie has ended. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
