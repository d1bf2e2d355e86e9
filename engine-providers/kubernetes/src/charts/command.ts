/** Commands that turn something into manifests: helm, kustomize. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** The command is not on this machine. */
export class CommandMissingError extends Error {
  override readonly name = "CommandMissingError";

  constructor(command: string, purpose: string, remedy: string) {
    super(`the command "${command}" is not on PATH: ${purpose} with it. ${remedy}`);
  }
}

export interface CommandOptions {
  readonly purpose: string;
  /** What to do when it is missing. */
  readonly remedy: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** @returns what it printed. @throws CommandMissingError; with what it said when it fails */
export async function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const env = { ...process.env, ...options.environment };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (errors += chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("close", resolve);
    child.on("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "ENOENT" ? new CommandMissingError(command, options.purpose, options.remedy) : error);
    });
  });
  // Arguments may hold a password: only the verb is told.
  if (code !== 0) throw new Error(`${command} ${args[0] ?? ""} failed (exit ${String(code)}): ${errors.trim()}`);
  return output;
}

/** A folder for what the command needs as files; removed afterwards. */
export async function withScratch<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), "automatos-kubernetes-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
