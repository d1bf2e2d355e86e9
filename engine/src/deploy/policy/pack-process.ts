/** A policy pack as a process of its own: how it is started. */
import type { OperationRequest } from "../../model.ts";
import { ShutdownError } from "../errors.ts";
import { Child, compileCache } from "../provider/child.ts";
import { describeEnd } from "../provider/plugin.ts";
import { PolicyDependenciesError, PolicyPackStartError } from "./errors.ts";
import { findRunner, isModulePack } from "./pack-project.ts";
import type { PackProject } from "./pack-project.ts";

/** How long a pack may take to end by itself. It holds nothing that would be lost. */
const TERMINATION_GRACE_MS = 1_000;

export interface PackHost {
  readonly request: Pick<
    OperationRequest,
    "organization" | "project" | "stack" | "stackTags" | "dryRun" | "config" | "signal"
  >;
  readonly engineAddress: string;
  /** A line that the pack printed. */
  readonly onOutput: (stream: "stdout" | "stderr", line: string) => void;
}

export interface PackProcess {
  /** `host:port` of its server. */
  readonly address: string;
  /** Resolves to how it ended, as `exit code 1`. */
  readonly ended: Promise<string>;
  readonly stop: () => Promise<void>;
}

/** @throws PolicyPackStartError, PolicyDependenciesError, ShutdownError */
export async function startPack(project: PackProject, host: PackHost): Promise<PackProcess> {
  const said: { stream: "stdout" | "stderr"; line: string }[] = [];
  let resolvePort: (port: string) => void = () => undefined;
  let hasPort = false;
  const port = new Promise<string>((resolve) => (resolvePort = resolve));
  const onLine = (stream: "stdout" | "stderr", line: string): void => {
    if (hasPort) host.onOutput(stream, line);
    else if (stream === "stdout" && /^\d+$/.test(line.trim())) {
      hasPort = true;
      for (const earlier of said) host.onOutput(earlier.stream, earlier.line);
      resolvePort(line.trim());
    } else said.push({ stream, line });
  };
  const child = new Child({
    ...commandOf(project, host.engineAddress),
    cwd: project.folder,
    env: environment(project, host),
    onStdout: (line) => onLine("stdout", line),
    onStderr: (line) => onLine("stderr", line),
  });
  const ended = child.ended.then(describeEnd, (error: unknown) => String(error));
  const failed = ended.then((reason) => {
    throw startFailure(
      project.folder,
      reason,
      said.map(({ line }) => line),
    );
  });
  failed.catch(() => undefined);
  const stop = () => child.stop(TERMINATION_GRACE_MS);
  try {
    const address = `127.0.0.1:${await Promise.race([port, failed, cancelled(host.request.signal)])}`;
    return { address, ended, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Rejects when the operation is cancelled. */
export function cancelled(signal: AbortSignal): Promise<never> {
  const promise = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(new ShutdownError());
    else signal.addEventListener("abort", () => reject(new ShutdownError()), { once: true });
  });
  promise.catch(() => undefined);
  return promise;
}

function commandOf(project: PackProject, engineAddress: string): { command: string; args: string[] } {
  if (project.binary !== undefined) return { command: project.binary, args: [engineAddress] };
  const runner = findRunner(project.folder);
  return {
    command: process.execPath,
    args: [...compileCache(), ...project.nodeArguments, runner, engineAddress, project.folder],
  };
}

/** As Pulumi's language host for Node.js sets it: a policy reads the stack's configuration by the SDK's `Config`. */
function environment(project: PackProject, { request }: PackHost): NodeJS.ProcessEnv {
  const config = Object.fromEntries([...request.config].map(([key, { value }]) => [key, value]));
  const env: NodeJS.ProcessEnv = { ...process.env, PULUMI_CONFIG: JSON.stringify(config) };
  for (const prefix of ["PULUMI_NODEJS", "PULUMI"]) {
    env[`${prefix}_ORGANIZATION`] = request.organization;
    env[`${prefix}_PROJECT`] = request.project;
    env[`${prefix}_STACK`] = request.stack;
    env[`${prefix}_DRY_RUN`] = String(request.dryRun);
  }
  env["PULUMI_NODEJS_TYPESCRIPT"] = "true";
  // The SDK's runner compiles every .ts file with ts-node, for which a module may not import another by its real name
  // (`./rule.ts`). ES modules are left to Node, which runs TypeScript by itself.
  if (project.binary === undefined && isModulePack(project.folder)) env["TS_NODE_IGNORE"] ??= ".";
  return env;
}

function startFailure(folder: string, reason: string, said: readonly string[]): Error {
  const missing = /Cannot find (?:module|package) '(@pulumi\/[\w.-]+)/.exec(said.join("\n"))?.[1];
  if (missing !== undefined) return new PolicyDependenciesError(folder, missing);
  const silent = reason === "exit code 0" && said.every((line) => line.trim() === "");
  return new PolicyPackStartError(folder, silent ? `${reason} without serving a PolicyPack` : reason, said);
}
