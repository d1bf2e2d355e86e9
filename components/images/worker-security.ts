import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a worker's container may do beyond others, so that bubblewrap, started by uid 1000 with no capability, makes its
 * sandboxes in it; and what it may not do beyond that. Each was found by taking it away
 * (docs/decisions/0031-sandbox-in-a-container.md). `--privileged` is never among it.
 */
export const workerSecurity = {
  /** Numeric, so that no user has to exist in the image. */
  user: "1000:1000",
  capDrop: ["ALL"],
  /**
   * For a container that starts as root because its volume is root's (Railway): what the entrypoint needs to give away
   * the mount point and to become uid 1000. None is left to the worker.
   */
  capAddForRootStart: ["CHOWN", "SETGID", "SETPCAP", "SETUID"],
  /** The system call filter, below the repository's root; scripts/worker-seccomp.ts writes it. */
  seccompFile: "components/images/worker-seccomp.json",
  /** Of the mount for RUNTIME_DIR, where the root file system is read-only. */
  runtimeTmpfs: { path: "/run/automatos", options: "uid=1000,gid=1000,mode=0711,size=64m" },
} as const;

export interface WorkerSecurityOptions {
  /** What follows `seccomp=`: a file's path for Compose and the docker command, its content for the daemon's API. */
  readonly seccomp: string;
  /**
   * Docker's own profile refuses mounts, also in a user namespace. A host that restricts user namespaces by AppArmor
   * (Ubuntu from 23.10 on) needs a profile of its own with the rule `userns,`, named here.
   * @default "unconfined"
   */
  readonly apparmor?: string;
}

/** `security_opt` of a worker's container. */
export function workerSecurityOpts({ seccomp, apparmor = "unconfined" }: WorkerSecurityOptions): string[] {
  return ["no-new-privileges:true", `seccomp=${seccomp}`, `apparmor=${apparmor}`, "systempaths=unconfined"];
}

/** The filter as the daemon's API takes it. */
export function readWorkerSeccomp(projectDir: string): string {
  return JSON.stringify(JSON.parse(readFileSync(join(projectDir, workerSecurity.seccompFile), "utf8")));
}
