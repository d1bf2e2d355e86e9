/**
 * A Docker daemon of a test's own, in a network namespace of its own: its bridges, firewall rules and published ports are
 * there and nowhere else, and nothing in it reaches a network.
 *
 * ```ts
 * describe("...", { skip: await dockerIsMissing() }, () => {
 *   before(async () => (daemon = await startDaemon()));
 *   after(() => daemon.stop());
 * ```
 */
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import Docker from "dockerode";
import { importBusybox } from "./base-image.ts";
import { end } from "./processes.ts";
import { startRegistry } from "./registry.ts";
import type { RegistryOptions, TestRegistry } from "./registry.ts";
import { programFile } from "./requirements.ts";
import { openWayOut } from "./way-out.ts";
import type { WayOut } from "./way-out.ts";

export { dockerIsMissing } from "./requirements.ts";

/** The daemon's one image: busybox, with `sh` as its command. */
export const BASE_IMAGE = "busybox:test";

export interface TestDaemon {
  /** `unix:///...`, for `docker:host`. */
  readonly host: string;
  readonly docker: Docker;
  /** A registry on a loopback address that the daemon and this process reach alike; it ends with the daemon. */
  registry(options?: RegistryOptions): Promise<TestRegistry>;
  /** An HTTP proxy by which builds with `network: host` reach the indexes of this machine; it ends with the daemon. */
  wayOut(): Promise<WayOut>;
  /** Ends it with all that it runs, and leaves nothing. */
  stop(): Promise<void>;
}

export interface DaemonOptions {
  /** Folder of its images and containers, which stays; one daemon at a time. @default one that ends with the daemon */
  readonly dataRoot?: string;
}

export async function startDaemon({ dataRoot }: DaemonOptions = {}): Promise<TestDaemon> {
  // Short: a socket's path has at most 107 characters.
  const folder = await mkdtemp(path.join(tmpdir(), "dockerd-"));
  const socket = path.join(folder, "docker.sock");
  const dockerd = await startProcess(folder, socket, dataRoot ?? path.join(folder, "data"));
  const docker = new Docker({ socketPath: socket });
  const registries: TestRegistry[] = [];
  let wayOut: Promise<WayOut> | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all(registries.map((registry) => registry.stop()));
    await (await wayOut)?.stop();
    await end(dockerd);
    await unmount(path.join(folder, "exec/netns/default"));
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    await answers(docker, dockerd, folder);
    await importBusybox(docker, BASE_IMAGE);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    host: `unix://${socket}`,
    docker,
    stop,
    async registry(options = {}) {
      const registry = await startRegistry({ folder, namespaceOf: dockerd.pid ?? 0, ...options });
      registries.push(registry);
      return registry;
    },
    wayOut: () => (wayOut ??= openWayOut({ folder, namespaceOf: dockerd.pid ?? 0 })),
  };
}

/** What the host network of a container or of a build leaves mounted: the folder could not be removed. */
function unmount(file: string): Promise<void> {
  return new Promise((resolve) => execFile("umount", [file], () => resolve())); // most daemons have none
}

async function startProcess(folder: string, socket: string, dataRoot: string): Promise<ChildProcess> {
  // Not the machine's own.
  const config = path.join(folder, "daemon.json");
  await writeFile(config, "{}");
  const args = [
    `--host=unix://${socket}`,
    `--data-root=${dataRoot}`,
    `--exec-root=${path.join(folder, "exec")}`,
    `--pidfile=${path.join(folder, "dockerd.pid")}`,
    `--config-file=${config}`,
    "--shutdown-timeout=1",
  ];
  const script = `"$1" link set lo up && shift && exec "$@"`;
  const child = spawn(
    programFile("unshare"),
    ["--net", "sh", "-c", script, "sh", programFile("ip"), programFile("dockerd"), ...args],
    // A group of its own, so that Ctrl-C of a test run does not end it before its containers.
    { stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  const log = createWriteStream(path.join(folder, "log"));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  return child;
}

async function answers(docker: Docker, dockerd: ChildProcess, folder: string): Promise<void> {
  for (;;) {
    try {
      await docker.ping();
      return;
    } catch (error) {
      if (dockerd.exitCode !== null) {
        const log = await readFile(path.join(folder, "log"), "utf8");
        throw new Error(`dockerd ended with exit code ${dockerd.exitCode}:\n${log.slice(-4_096)}`, { cause: error });
      }
    }
    await setTimeout(50);
  }
}
