/**
 * Runs the test cluster for as long as somebody uses it. Started by cluster.ts under a lock, so that a checkout has one;
 * ends by itself when no user is left.
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { makeCgroups, removeCgroups } from "./cgroups.ts";
import * as components from "./components.ts";
import type { Component } from "./components.ts";
import { writeImages } from "./images.ts";
import { claimNetwork, disconnect, networkOfSlot, raiseWatchLimits } from "./network.ts";
import type { ClusterNetwork } from "./network.ts";
import { KUBECTL } from "./paths.ts";
import { makePki } from "./pki.ts";
import * as processes from "./processes.ts";
import type { RunningComponent } from "./processes.ts";
import { readState, wantedLevels, writeState } from "./state.ts";
import type { ClusterState } from "./state.ts";

const run = promisify(execFile);
const WATCH_MS = 500;
/** Between two test files nobody may use it for a moment; starting anew costs more than waiting. */
const LINGER_MS = 20_000;

class Cluster {
  readonly #network: ClusterNetwork;
  readonly #folders: components.ClusterFolders;
  readonly #running: RunningComponent[] = [];

  constructor(network: ClusterNetwork) {
    this.#network = network;
    this.#folders = components.foldersOf(network);
  }

  get kubeconfig(): string {
    return path.join(this.#folders.pki, "admin.kubeconfig");
  }

  /** What a component said when it ended by itself. */
  get broken(): Promise<string> {
    return Promise.race(this.#running.map(({ ended }) => ended));
  }

  async startControlPlane(): Promise<void> {
    await mkdir(this.#folders.run, { recursive: true });
    await makePki({ ...this.#network, directory: this.#folders.pki, node: components.NODE_NAME });
    this.#start(components.etcd(this.#folders));
    this.#start(components.apiServer(this.#folders, this.#network));
    await this.#until("the API server", () => this.#kubectl("get", "--raw", "/readyz"));
    this.#start(components.controllerManager(this.#folders, this.#network));
    // Made by a controller: nothing can be created in the namespace before.
    await this.#until("the controllers", () => this.#kubectl("-n", "default", "get", "serviceaccount", "default"));
  }

  async startNode(): Promise<void> {
    await raiseWatchLimits();
    await makeCgroups(this.#network.name);
    const images = path.join(this.#folders.run, "images.tar");
    await writeImages(images);
    this.#start(await components.containerd(this.#folders, this.#network));
    this.#start(components.scheduler(this.#folders));
    await this.#until("containerd", () => this.#succeeds("ctr", this.#ctr("version")));
    await run("ctr", this.#ctr("-n", "k8s.io", "images", "import", images));
    this.#start(await components.kubelet(this.#folders, this.#network));
    this.#start(await components.proxy(this.#folders, this.#network));
    await this.#until("the node", () =>
      this.#kubectl("wait", "--for=condition=Ready", `node/${components.NODE_NAME}`, "--timeout=1s"),
    );
  }

  /** Kubelet first, or it would start again what ends. Finds what an earlier supervisor left as well. */
  async end(): Promise<void> {
    const ofNode = this.#running.filter(({ name }) => name === "kubelet" || name === "kube-proxy");
    await Promise.all(ofNode.map(({ pid }) => processes.endProcess(pid)));
    const networks = await processes.networksOfPods(this.#folders);
    await processes.endContainers(this.#folders);
    for (let round = 0; round < 3; round += 1) {
      const left = await processes.processesOf(this.#folders);
      await Promise.all(left.map((pid) => processes.endProcess(pid)));
    }
    await processes.removeNetworks(networks);
    await processes.unmountBelow(this.#folders.run);
    await removeCgroups(this.#network.name);
    await disconnect(this.#network);
    await processes.removeFolders(this.#folders);
  }

  #start(component: Component): void {
    this.#running.push(processes.startComponent(component, this.#folders, this.#network));
  }

  #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    return processes.until(what, this.#running, holds);
  }

  #kubectl(...args: string[]): Promise<boolean> {
    return this.#succeeds(KUBECTL, ["--kubeconfig", this.kubeconfig, ...args]);
  }

  #ctr(...args: string[]): string[] {
    return ["-a", this.#folders.containerdSocket, ...args];
  }

  #succeeds(program: string, args: string[]): Promise<boolean> {
    return run(program, args).then(
      () => true,
      () => false,
    );
  }
}

const before = await readState();
if (before?.slot !== undefined) await new Cluster(networkOfSlot(before.slot)).end();

let state: ClusterState = { supervisor: process.pid, phase: "starting" };
const say = (change: Partial<ClusterState>) => writeState((state = { ...state, ...change }));
const told = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => told.abort());

await say({});
const network = await claimNetwork();
const cluster = new Cluster(network);
try {
  await say({ slot: Number(network.name.split("-").at(-1)) });
  await cluster.startControlPlane();
  await say({ phase: "ready", level: "control-plane", kubeconfig: cluster.kubeconfig });
  let broken: string | undefined;
  const watchForBroken = () =>
    void cluster.broken.then((words) => {
      broken = words;
    });
  watchForBroken();
  let unusedSince = Date.now();
  while (!told.signal.aborted && Date.now() - unusedSince < LINGER_MS) {
    await delay(WATCH_MS);
    if (broken !== undefined) throw new Error(broken);
    const wanted = await wantedLevels();
    if (wanted.length > 0) unusedSince = Date.now();
    if (wanted.includes("node") && state.level !== "node") {
      await cluster.startNode();
      watchForBroken();
      await say({ level: "node" });
    }
  }
  await say({ phase: "stopping" });
  await cluster.end();
  await say({ slot: undefined });
} catch (error) {
  await cluster.end();
  await say({ phase: "failed", error: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}
