import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import type { dynamic } from "@pulumi/pulumi";
import type { Daemon } from "./daemon.ts";
import { logFileOf } from "./daemon-record.ts";
import { type DaemonStatus, endDaemon, ensureDaemon, portConflict, statusOf } from "./daemon-resource.ts";
import { hostEnvironment } from "./host-environment.ts";
import { isHttpReady } from "./http-health.ts";
import type { ProcessIdentity } from "./process-table.ts";
import { PROJECT_DIR, resolveProjectPath } from "./project-folder.ts";

/** Node keeps compiled code here; also where `scripts/run.mjs` has it. */
const COMPILE_CACHE = join(".automatos", "compile-cache");

/** What a LocalProcess is given; plain data, as it is in a stack's state. */
export interface ServiceInputs {
  readonly name: string;
  readonly program: string;
  readonly nodeFlags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  readonly portKey: string;
  readonly sourceHash: string;
  readonly stopGraceSeconds: number;
  readonly readyTimeoutSeconds: number;
}

/** What a LocalProcess becomes. The environment is not part of it: it stays among the inputs, encrypted. */
export interface ServiceOutputs extends Omit<ServiceInputs, "env">, ProcessIdentity {
  readonly fingerprint: string;
  readonly status: DaemonStatus;
  /** Below the project's folder. */
  readonly logFile: string;
}

/** A hash of everything that decides how a service runs. */
export function fingerprintOf({ program, nodeFlags, env, port, sourceHash }: ServiceInputs): string {
  const entries = Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([program, nodeFlags, entries, port, sourceHash]))
    .digest("hex");
}

function toDaemon(projectDir: string, inputs: ServiceInputs): Daemon {
  const env = Object.entries(inputs.env).map(([key, value]) => [key, resolveProjectPath(value, projectDir)]);
  return {
    name: inputs.name,
    projectDir,
    fingerprint: fingerprintOf(inputs),
    port: inputs.port,
    portKey: inputs.portKey,
    stopSignal: "SIGTERM",
    stopGraceSeconds: inputs.stopGraceSeconds,
    readyTimeoutSeconds: inputs.readyTimeoutSeconds,
    prepare: async () => [
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      ...inputs.nodeFlags,
      inputs.program,
    ],
    env: {
      ...hostEnvironment(),
      // Spares each start, and the memory of each service, the compiler that strips the types.
      NODE_COMPILE_CACHE: join(projectDir, COMPILE_CACHE),
      ...(Object.fromEntries(env) as Record<string, string>),
    },
    isReady: async () => isHttpReady(inputs.port),
  };
}

function toOutputs(projectDir: string, inputs: ServiceInputs, identity: ProcessIdentity): ServiceOutputs {
  const { name, program, nodeFlags, port, portKey, sourceHash, stopGraceSeconds, readyTimeoutSeconds } = inputs;
  return {
    ...{ name, program, nodeFlags, port, portKey, sourceHash, stopGraceSeconds, readyTimeoutSeconds },
    ...identity,
    fingerprint: fingerprintOf(inputs),
    status: "running",
    logFile: relative(projectDir, logFileOf(projectDir, inputs.name)),
  };
}

/** The process in a state; older or damaged states may hold none. */
export function knownIdentity(state: Partial<ProcessIdentity>): ProcessIdentity | undefined {
  const { pid, startTime } = state;
  return typeof pid === "number" && typeof startTime === "string" ? { pid, startTime } : undefined;
}

/** Says on the deployment's own output why something is started again. */
export function reportStatus(name: string, pid: number, status: DaemonStatus): void {
  const said = {
    running: undefined,
    stopped: `${name}: process ${pid} is gone; it is started again`,
    unhealthy: `${name}: process ${pid} runs but does not answer; it is repaired`,
    moved: `${name}: the project's folder was moved; it is started again in the new place`,
  }[status];
  if (said !== undefined) console.log(said);
}

/**
 * The life of a service's process on this machine, as Pulumi asks for it. `diff` looks at the process too, so that an
 * `up` repairs a killed one without a refresh before it.
 */
export function serviceProvider(projectDir = PROJECT_DIR) {
  return {
    async check(olds: Partial<ServiceOutputs>, news: ServiceInputs): Promise<dynamic.CheckResult<ServiceInputs>> {
      const conflict = await portConflict(projectDir, news.name, news.port, news.portKey, knownIdentity(olds));
      return { inputs: news, failures: conflict === undefined ? [] : [{ property: "port", reason: conflict }] };
    },

    async diff(_id: string, olds: ServiceOutputs, news: ServiceInputs): Promise<dynamic.DiffResult> {
      const renamed = olds.name !== news.name;
      if (renamed) return { changes: true, replaces: ["name"], deleteBeforeReplace: true };
      if (olds.fingerprint !== fingerprintOf(news)) return { changes: true };
      const status = await statusOf(projectDir, olds.name, async () => isHttpReady(olds.port));
      reportStatus(olds.name, olds.pid, status);
      return { changes: status !== "running" || olds.status !== "running" };
    },

    async create(inputs: ServiceInputs): Promise<dynamic.CreateResult<ServiceOutputs>> {
      const identity = await ensureDaemon(toDaemon(projectDir, inputs));
      return { id: inputs.name, outs: toOutputs(projectDir, inputs, identity) };
    },

    async read(id: string, props?: ServiceOutputs): Promise<dynamic.ReadResult<ServiceOutputs>> {
      if (props === undefined) return { id }; // nothing is known of it: it cannot be imported
      const status = await statusOf(projectDir, props.name, async () => isHttpReady(props.port));
      return { id, props: { ...props, status } };
    },

    async update(
      _id: string,
      olds: ServiceOutputs,
      news: ServiceInputs,
    ): Promise<dynamic.UpdateResult<ServiceOutputs>> {
      const identity = await ensureDaemon(toDaemon(projectDir, news), knownIdentity(olds));
      return { outs: toOutputs(projectDir, news, identity) };
    },

    async delete(_id: string, props: ServiceOutputs): Promise<void> {
      await endDaemon(projectDir, props.name, knownIdentity(props));
    },
  };
}
