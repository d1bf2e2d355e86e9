import type { ComposeConfig } from "../../contracts/pilot-config.ts";
import { workerSecurity, workerSecurityOpts } from "../images/worker-security.ts";
import {
  API_PORT,
  apiEnv,
  type EnvironmentArgs,
  gatewayEnv,
  migrateEnv,
  RUNTIME_PATH,
  WORKER_GRACE_SECONDS,
  workerEnv,
  WORKSPACES_PATH,
} from "./environments.ts";
import type { PilotService } from "./service.ts";

/** The user of the services' images. */
const SERVICE_USER = workerSecurity.user;
/** Of programs that need no more than what `docker stop` gives. */
const STOP_SECONDS = 30;
const NO_NEW_PRIVILEGES = ["no-new-privileges:true"];
const ONCE_LIMITS = { cpus: 1, memoryMb: 512 };
/** Below what the container may use, so that a full queue is an error of the writer and not the end of the server. */
const REDIS_SHARE = 0.75;

const inMemory = (sizeMb: number, more = "mode=1777") => `rw,nosuid,nodev,size=${sizeMb}m,${more}`;
const set = <Text>(environment: Readonly<Record<string, string | Text | undefined>>): Record<string, string | Text> =>
  Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string | Text] => entry[1] !== undefined),
  );

export interface ServicesArgs<Text> extends EnvironmentArgs<Text> {
  readonly config: ComposeConfig;
  /** The worker's filter of system calls: a file's path for Compose, its content for the daemon's API. */
  readonly workerSeccomp: string;
}

/** The pilot's parts, in the order of their start. */
export function pilotServices<Text>(args: ServicesArgs<Text>): readonly PilotService<Text>[] {
  return [postgres(args), redis(args), migrate(args), api(args), gateway(args), worker(args)];
}

function postgres<Text>({ config, secrets }: ServicesArgs<Text>): PilotService<Text> {
  const settings = {
    shared_buffers: `${Math.round(config.limits.postgres.memoryMb / 4)}MB`,
    max_connections: "200",
    log_min_error_statement: "panic", // statements may hold prompts, and passwords of roles
    timezone: "UTC",
  };
  return {
    name: "postgres",
    command: ["postgres", ...Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`])],
    user: "postgres",
    environment: {
      POSTGRES_USER: "postgres",
      POSTGRES_PASSWORD: secrets.superuserPassword,
      POSTGRES_INITDB_ARGS: "--auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8",
      // below the volume: where the image itself puts data depends on its version
      PGDATA: "/var/lib/postgresql/automatos",
    },
    networks: ["data", "rules"],
    published: [],
    volumes: [{ volume: "postgres", path: "/var/lib/postgresql" }],
    tmpfs: { "/tmp": inMemory(64), "/run/postgresql": inMemory(1) },
    sharedMemoryMb: 256,
    securityOptions: NO_NEW_PRIVILEGES,
    limits: config.limits.postgres,
    health: {
      // by TCP: while the cluster is being made, the server listens on its Unix socket alone
      test: ["CMD", "pg_isready", "--quiet", "--host=127.0.0.1", "--username=postgres"],
      ...{ interval: 5, timeout: 5, retries: 5, startPeriod: 120 },
    },
    once: false,
    after: [],
    stopGraceSeconds: 60,
  };
}

function redis<Text>({ config, secrets }: ServicesArgs<Text>): PilotService<Text> {
  const settings = [
    "bind 0.0.0.0",
    "requirepass $REDISCLI_AUTH",
    "dir /data",
    "appendonly yes",
    "appendfsync everysec",
    'save ""',
    "maxmemory-policy noeviction",
    `maxmemory ${Math.floor(config.limits.redis.memoryMb * REDIS_SHARE)}mb`,
  ];
  return {
    name: "redis",
    // by standard input: the password is in no argument and no file
    command: ["sh", "-c", `exec redis-server - <<EOF\n${settings.join("\n")}\nEOF\n`],
    user: "redis",
    environment: { REDISCLI_AUTH: secrets.redisPassword },
    networks: ["data"],
    published: [],
    volumes: [{ volume: "redis", path: "/data" }],
    tmpfs: { "/tmp": inMemory(16) },
    securityOptions: NO_NEW_PRIVILEGES,
    limits: config.limits.redis,
    health: {
      test: ["CMD-SHELL", "redis-cli ping | grep -q PONG"],
      ...{ interval: 5, timeout: 5, retries: 5, startPeriod: 60 },
    },
    once: false,
    after: [],
    stopGraceSeconds: STOP_SECONDS,
  };
}

function migrate<Text>(args: ServicesArgs<Text>): PilotService<Text> {
  return {
    name: "migrate",
    user: SERVICE_USER,
    environment: set(migrateEnv(args)),
    networks: ["data"],
    published: [],
    volumes: [],
    tmpfs: { "/tmp": inMemory(16) },
    securityOptions: NO_NEW_PRIVILEGES,
    limits: ONCE_LIMITS,
    once: true,
    after: ["postgres"],
    stopGraceSeconds: STOP_SECONDS,
  };
}

function api<Text>(args: ServicesArgs<Text>): PilotService<Text> {
  const { address, api: hostPort } = args.config.publish;
  return {
    name: "api",
    user: SERVICE_USER,
    environment: set(apiEnv(args)),
    networks: ["front", "data", "control"],
    published: [{ port: API_PORT, hostPort, address }],
    volumes: [],
    tmpfs: { "/tmp": inMemory(64) },
    securityOptions: NO_NEW_PRIVILEGES,
    limits: args.config.limits.api,
    once: false,
    after: ["migrate", "redis"],
    stopGraceSeconds: STOP_SECONDS,
  };
}

function gateway<Text>(args: ServicesArgs<Text>): PilotService<Text> {
  return {
    name: "gateway",
    user: SERVICE_USER,
    // names are looked up on the thread pool: a slow name server must not hold up the others
    environment: { ...set(gatewayEnv(args)), UV_THREADPOOL_SIZE: "64" },
    networks: ["rules", "control", "exit"],
    published: [],
    volumes: [],
    tmpfs: { "/tmp": inMemory(64) },
    securityOptions: NO_NEW_PRIVILEGES,
    limits: args.config.limits.gateway,
    once: false,
    after: ["migrate"],
    stopGraceSeconds: STOP_SECONDS,
  };
}

function worker<Text>(args: ServicesArgs<Text>): PilotService<Text> {
  return {
    name: "worker",
    user: SERVICE_USER,
    environment: set(workerEnv(args)),
    // the store of backups is reached by the worker itself
    networks: ["data", "control", ...(args.config.backup === undefined ? [] : (["exit"] as const))],
    published: [],
    volumes: [{ volume: "workspaces", path: WORKSPACES_PATH }],
    tmpfs: { "/tmp": inMemory(256), [RUNTIME_PATH]: `rw,nosuid,nodev,${workerSecurity.runtimeTmpfs.options}` },
    securityOptions: workerSecurityOpts({
      seccomp: args.workerSeccomp,
      apparmor: args.config.workerApparmor,
    }),
    limits: args.config.limits.worker,
    once: false,
    after: ["redis", "api", "gateway"],
    stopGraceSeconds: WORKER_GRACE_SECONDS + 20,
  };
}
