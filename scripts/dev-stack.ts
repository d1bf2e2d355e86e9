// The dev stack as the scripts see it: its name, its settings, and the `pulumi` command with its environment.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { parse, YAMLParseError } from "yaml";
import { z } from "zod";
import { type LocalConfig, StackConfig } from "../contracts/stack-config.ts";
import { endWhenInterrupted, inOrder } from "./interruption.ts";

export const ROOT = path.resolve(import.meta.dirname, "..");
export const STACK = "dev";
/** State of the platform that is not the stack's: processes, logs, data. */
export const AUTOMATOS_DIR = path.join(ROOT, ".automatos");

/**
 * Keeps the dev stack's secrets out of sight, not out of reach: its state lies beside, and whoever reads that can ask the
 * running platform too. Pulumi.dev.yaml holds the salt that belongs to it.
 */
const PASSPHRASE = "automatos-dev";

/** An end that a person can do something about: told without a stack trace. */
export class ScriptError extends Error {}

export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

/** What a file of the project holds; told with its way out where it holds nothing of use. */
function readYaml(file: string): unknown {
  const wayOut = `\`git checkout ${file}\` brings back the one that came with the project.`;
  try {
    return parse(readFileSync(path.join(ROOT, file), "utf8"));
  } catch (error) {
    if (error instanceof YAMLParseError) throw new ScriptError(`${file} is no YAML: ${error.message}\n${wayOut}`);
    if (!(error instanceof Error && "code" in error)) throw error;
    if (error.code !== "ENOENT") throw new ScriptError(`${file} cannot be read: ${error.message}`);
    throw new ScriptError(`${file} is not there: it holds the dev stack's settings and salt.\n${wayOut}`);
  }
}

/** The dev stack's settings, with the sandbox that AUTOMATOS_SANDBOX may choose instead. */
export function readSettings(): LocalConfig {
  const file = `Pulumi.${STACK}.yaml`;
  const Settings = z.object({ config: z.object({ "automatos:settings": StackConfig }) });
  const parsed = Settings.safeParse(readYaml(file));
  if (!parsed.success) {
    throw new ScriptError(
      `${file}:\n${z.prettifyError(parsed.error)}\ndocs/reference/config.md lists every key, its type and its default.`,
    );
  }
  const settings = parsed.data.config["automatos:settings"];
  if (settings.phase !== "local") {
    throw new ScriptError(
      `${file}: phase ${settings.phase} is known and not built yet; set phase: local, which runs everything here.`,
    );
  }
  return process.env["AUTOMATOS_SANDBOX"] === "none" ? { ...settings, sandbox: "none" } : settings;
}

/** The variable by which the caller chose another passphrase than the dev stack's own. */
export function chosenPassphrase(): string | undefined {
  if (process.env["PULUMI_CONFIG_PASSPHRASE"] !== undefined) return "PULUMI_CONFIG_PASSPHRASE";
  return process.env["PULUMI_CONFIG_PASSPHRASE_FILE"] ? "PULUMI_CONFIG_PASSPHRASE_FILE" : undefined;
}

function environment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    ...(chosenPassphrase() === undefined ? { PULUMI_CONFIG_PASSPHRASE: PASSPHRASE } : {}),
    PULUMI_HOME: process.env["PULUMI_HOME"] ?? path.join(ROOT, ".pulumi", "home"),
    PULUMI_SKIP_UPDATE_CHECK: "true",
  };
  // either would lead to another state than the project's own
  delete environment["PULUMI_BACKEND_URL"];
  delete environment["PULUMI_STACK"];
  return environment;
}

/** Runs `pulumi` on the dev stack's own state, its output live. Resolves to the exit code. */
export async function pulumi(...args: readonly string[]): Promise<number> {
  return (await inOrder(() => run(args, "inherit"))).code;
}

/** Runs `pulumi` for its output. */
export async function pulumiOutput(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string }> {
  return inOrder(() => run(args, "pipe"));
}

async function run(args: readonly string[], stdout: "inherit" | "pipe"): Promise<{ code: number; stdout: string }> {
  const command = path.join(ROOT, "engine", "bin", "pulumi.mjs");
  const child = spawn(process.execPath, [command, ...args], {
    cwd: ROOT,
    env: environment(),
    stdio: ["inherit", stdout, "inherit"],
  });
  // Ctrl-C on a terminal reaches it as well; it ends its work in order, and so do we
  const forward = (signal: NodeJS.Signals) => {
    if (signal === "SIGTERM" || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, forward);
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exit, signal) => {
        resolve(exit ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
    return { code, stdout: text };
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}

/** Makes the dev stack unless it is there. Looks at its file first: asking pulumi takes half a second. */
export async function ensureStack(): Promise<void> {
  if (existsSync(path.join(ROOT, ".pulumi", "stacks", "automatos", `${STACK}.json`))) return;
  if ((await pulumi("stack", "select", STACK, "--create", "--non-interactive")) !== 0) {
    throw new ScriptError(`the stack ${STACK} could not be made; pulumi's own words are above`);
  }
}

/** Whether the dev stack was ever made and not removed since. */
export async function stackExists(): Promise<boolean> {
  const { code, stdout } = await pulumiOutput("stack", "ls", "--json");
  if (code !== 0) throw new ScriptError("the stacks of this project could not be listed; pulumi's own words are above");
  const stacks = z.array(z.object({ name: z.string() })).parse(JSON.parse(stdout === "" ? "[]" : stdout));
  return stacks.some(({ name }) => name === STACK);
}

/**
 * Ends the script as told by a ScriptError, or loudly by anything else; when interrupted, in order.
 *
 * @param command What runs the script, e.g. `npm start`.
 */
export async function main(command: string, work: () => Promise<void>): Promise<void> {
  endWhenInterrupted(command);
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = 1;
  }
}
