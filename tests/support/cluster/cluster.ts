/**
 * A real one-node Kubernetes for tests: shared by all test files of a checkout, started when the first asks for it and
 * ended a little after the last one has.
 *
 * ```ts
 * const missing = await clusterIsMissing();
 * describe("...", { skip: missing }, () => {
 *   before(async () => (cluster = await useCluster("node")));
 *   after(() => cluster.release());
 * ```
 */
import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { buildClusterBinary } from "./build.ts";
import { CLUSTER_DIR, KUBECTL, SUPERVISOR_LOCK } from "./paths.ts";
import { satisfyRequirements } from "./requirements.ts";
import { isAlive, readState, register, unregister } from "./state.ts";
import type { ClusterLevel, ClusterState } from "./state.ts";

export { BUSYBOX_IMAGE } from "./images.ts";

export interface TestCluster {
  /** File with the administrator's access. */
  readonly kubeconfig: string;
  /** A `kubectl` of the cluster's version. */
  readonly kubectl: string;
  /** This process needs it no longer. */
  release(): Promise<void>;
}

const POLL_MS = 200;
const START_LIMIT_MS = 240_000;

/** Why tests on a cluster cannot run here, for `skip`; false where they can. Installs Debian packages as needed. */
export async function clusterIsMissing(): Promise<string | false> {
  const missing = await satisfyRequirements();
  return missing.length === 0 ? false : `no Kubernetes for this test: ${missing.join("; ")}`;
}

/** @throws when the cluster cannot be built or does not start, with what it said */
export async function useCluster(level: ClusterLevel): Promise<TestCluster> {
  await buildClusterBinary();
  await register(level);
  try {
    const kubeconfig = await reach(level);
    return { kubeconfig, kubectl: KUBECTL, release: unregister };
  } catch (error) {
    await unregister();
    throw error;
  }
}

async function reach(level: ClusterLevel): Promise<string> {
  const deadline = Date.now() + START_LIMIT_MS;
  let startedSupervisor = false;
  for (;;) {
    const state = await readState();
    const supervised = state !== undefined && isAlive(state.supervisor);
    if (supervised && state.phase === "ready" && reaches(state, level)) return state.kubeconfig ?? "";
    if (startedSupervisor && state?.phase === "failed") throw new Error(`the test cluster: ${state.error ?? ""}`);
    if (Date.now() > deadline) throw new Error(`the test cluster did not reach its ${level} in four minutes`);
    if (!supervised) {
      startedSupervisor = true;
      await startSupervisor();
    }
    await delay(POLL_MS);
  }
}

function reaches(state: ClusterState, level: ClusterLevel): boolean {
  return state.level === "node" || state.level === level;
}

/** The lock lets one through; it is the kernel's, so it is gone with the supervisor however that ends. */
async function startSupervisor(): Promise<void> {
  await mkdir(CLUSTER_DIR, { recursive: true });
  const supervisor = path.join(import.meta.dirname, "supervisor.ts");
  const command = ["--nonblock", "--close", SUPERVISOR_LOCK, process.execPath, supervisor];
  const child = spawn("flock", command, { detached: true, stdio: "ignore" });
  child.unref();
  const before = await readState();
  // Until it has said that it is there, or has found another one there.
  const ended = new AbortController();
  child.on("exit", () => ended.abort()).on("error", () => ended.abort());
  for (let state = before; state?.supervisor === before?.supervisor; state = await readState()) {
    if (ended.signal.aborted) return;
    await delay(POLL_MS);
  }
}
