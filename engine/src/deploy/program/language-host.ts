/** Runs the program with the SDK's own `cmd/run`, as Pulumi's language host for Node.js does. */
import { statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import type { OperationRequest } from "../../model.ts";
import { DeploymentError, ReportedError } from "../errors.ts";
import { Child, compileCache } from "../provider/child.ts";
import type { Program, ProgramAddresses } from "./program.ts";

/** By this exit code the SDK says that it told the user already what went wrong. */
const ALREADY_REPORTED = 32;

class SdkMissingError extends DeploymentError {
  constructor(folder: string, cause: unknown) {
    super("SDK_MISSING", `@pulumi/pulumi is not installed for the program in ${folder}`, "Run `npm install` there.", {
      cause,
    });
  }
}

export class ProgramMissingError extends DeploymentError {
  constructor(program: string) {
    super("PROGRAM_MISSING", `there is no program at ${program}`, "Correct `main` in Pulumi.yaml.");
  }
}

/** The folder that the program runs in, and its entry within. @throws ProgramMissingError */
export function programEntry(request: Pick<OperationRequest, "program">): { folder: string; entry: string } {
  const { program } = request;
  const found = statSync(program, { throwIfNoEntry: false });
  if (found === undefined) throw new ProgramMissingError(program);
  return found.isDirectory() ? { folder: program, entry: "." } : { folder: dirname(program), entry: basename(program) };
}

/** A program as a process of its own, which ends with the engine. */
export class ProcessProgram implements Program {
  readonly #child: Child;
  #isStopping = false;

  constructor(
    request: OperationRequest,
    addresses: ProgramAddresses,
    onOutput: (stream: "stdout" | "stderr", line: string) => void,
  ) {
    const { folder, entry } = programEntry(request);
    this.#child = new Child({
      command: process.execPath,
      args: programArguments(request, addresses, folder, entry),
      cwd: request.projectDir,
      env: environment(request),
      onStdout: (line) => onOutput("stdout", line),
      onStderr: (line) => onOutput("stderr", line),
    });
  }

  async finished(): Promise<void> {
    const { code, signal } = await this.#child.ended;
    if (code === 0 || this.#isStopping) return;
    if (code === ALREADY_REPORTED) throw new ReportedError("the program failed");
    throw new Error(
      signal === null
        ? `Program exited with non-zero exit code: ${String(code)}`
        : `Program was ended by signal ${signal}`,
    );
  }

  async stop(graceMs: number): Promise<void> {
    const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
    await Promise.race([this.#child.ended.catch(() => undefined), grace]);
    this.#isStopping = !this.#child.hasEnded;
    await this.#child.stop();
  }
}

function nodeArguments({ runtimeOptions }: OperationRequest): string[] {
  return (runtimeOptions.nodeargs ?? "").split(/\s+/).filter((argument) => argument !== "");
}

function programArguments(
  request: OperationRequest,
  addresses: ProgramAddresses,
  folder: string,
  entry: string,
): string[] {
  let run: string;
  try {
    run = createRequire(join(folder, "index.js")).resolve("@pulumi/pulumi/cmd/run");
  } catch (error) {
    throw new SdkMissingError(folder, error);
  }
  const guard = new URL("./fail-before-done.ts", import.meta.url);
  guard.searchParams.set("sdk", join(dirname(run), "..", ".."));
  const flags: Record<string, string> = {
    monitor: addresses.monitor,
    engine: addresses.engine,
    organization: request.organization,
    project: request.project,
    "root-directory": request.projectDir,
    stack: request.stack,
    pwd: folder,
    parallel: String(request.parallel),
  };
  return [
    ...compileCache(),
    "--import",
    new URL("./map-stacks.ts", import.meta.url).href,
    "--import",
    guard.href,
    ...nodeArguments(request),
    run,
    ...Object.entries(flags).flatMap(([flag, value]) => (value === "" ? [] : [`--${flag}`, value])),
    ...(request.dryRun ? ["--dry-run"] : []),
    entry,
  ];
}

function environment(request: OperationRequest): NodeJS.ProcessEnv {
  const config: Record<string, string> = {};
  const secretKeys: string[] = [];
  for (const [key, { value, secret }] of request.config) {
    config[key] = value;
    if (secret) secretKeys.push(key);
  }
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(config),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(secretKeys),
  };
  // Pulumi's default is TypeScript through ts-node.
  if (request.runtimeOptions.typescript !== false) env["PULUMI_NODEJS_TYPESCRIPT"] = "true";
  else delete env["PULUMI_NODEJS_TYPESCRIPT"];
  return env;
}
