/** Parts of the pilot. Each is one container, the worker as many as are asked for. */
export type ServiceName = "postgres" | "redis" | "migrate" | "api" | "gateway" | "worker";

/**
 * Who can speak to whom. All but `front` and `exit` are internal: nothing in them has a way out of the host. The gateway
 * is not where Redis is, since it opens connections that tenants ask for; sandboxes are in none of them.
 */
export const NETWORKS = {
  /** The API alone, so that its port can be published. */
  front: { internal: false },
  /** The record, the queue and those that use them. */
  data: { internal: true },
  /** The gateway's way to the record. */
  rules: { internal: true },
  /** API, workers and gateway among themselves. */
  control: { internal: true },
  /** The gateway's way out. */
  exit: { internal: false },
} as const satisfies Record<string, { readonly internal: boolean }>;
export type NetworkName = keyof typeof NETWORKS;

/** What outlives containers. */
export const VOLUMES = {
  postgres: "The record.",
  redis: "The queue's log; the record has everything that it holds.",
  workspaces: "The workspaces' files.",
} as const;
export type VolumeName = keyof typeof VOLUMES;

/** A health check that is not the image's own. Times are in seconds. */
export interface HealthCheck {
  /** As Docker takes it: `["CMD", ...]` or `["CMD-SHELL", line]`. */
  readonly test: readonly string[];
  readonly interval: number;
  readonly timeout: number;
  readonly retries: number;
  readonly startPeriod: number;
}

/**
 * A part of the pilot as plain data, from which both a container of a stack and an entry of docker-compose.yml are made.
 *
 * @typeParam Text What a secret is: a resource's output, or a variable of docker-compose.yml.
 */
export interface PilotService<Text> {
  readonly name: ServiceName;
  /** In place of the image's own command. */
  readonly command?: readonly string[];
  /** Nobody is root. A name is looked up in the image. */
  readonly user: string;
  readonly environment: Readonly<Record<string, string | Text>>;
  readonly networks: readonly NetworkName[];
  readonly published: readonly { readonly port: number; readonly hostPort: number; readonly address: string }[];
  readonly volumes: readonly { readonly volume: VolumeName; readonly path: string }[];
  /** Path -> options of its tmpfs: the rest of the root file system is read-only. */
  readonly tmpfs: Readonly<Record<string, string>>;
  /** Shared memory in MB. @default Docker's 64 */
  readonly sharedMemoryMb?: number;
  /** `security_opt`; all capabilities are dropped as well. */
  readonly securityOptions: readonly string[];
  readonly limits: { readonly cpus: number; readonly memoryMb: number };
  /** @default the image's own; a service that runs once has none */
  readonly health?: HealthCheck;
  /** It runs to its end, and those that depend on it wait for that. */
  readonly once: boolean;
  /** Started after these are healthy, or have ended. */
  readonly after: readonly ServiceName[];
  readonly stopGraceSeconds: number;
}
