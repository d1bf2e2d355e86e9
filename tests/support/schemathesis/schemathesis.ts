/**
 * Schemathesis, which makes requests out of an OpenAPI document and holds the answers against it: installed from
 * requirements.txt into a virtual environment in .automatos/tools. Run as a program, this file installs it and no more.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";

const REQUIREMENTS = path.join(import.meta.dirname, "requirements.txt");
const CONFIG = path.join(import.meta.dirname, "schemathesis.toml");
const VERSION = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);
const TOOLS = path.resolve(import.meta.dirname, "../../../.automatos/tools");
const FOLDER = path.join(TOOLS, `schemathesis-${VERSION}`);
/** Written last: an environment without it is half made. */
const READY = path.join(FOLDER, "ready");

/** Why it cannot run here; undefined where it can. */
export function missingForSchemathesis(): string | undefined {
  if (existsSync(READY)) return undefined;
  const { status } = spawnSync("python3", ["-c", "import venv, ensurepip"], { stdio: "ignore" });
  return status === 0 ? undefined : "`python3` with its venv module is not on PATH: Schemathesis runs on it";
}

async function install(): Promise<void> {
  if (existsSync(READY)) return;
  await mkdir(TOOLS, { recursive: true });
  await rm(FOLDER, { recursive: true, force: true });
  await run("python3", ["-m", "venv", FOLDER]);
  await run(path.join(FOLDER, "bin/python"), ["-m", "pip", "install", "--quiet", "--no-input", "-r", REQUIREMENTS]);
  await mkdir(READY);
}

/** Runs `st run`; resolves to its exit code and all it said. */
export async function schemathesis(
  args: readonly string[],
): Promise<{ readonly exitCode: number; readonly output: string }> {
  await install();
  // It keeps a cache where it is started.
  return run(path.join(FOLDER, "bin/st"), ["--config-file", CONFIG, "run", "--no-color", ...args], {
    mayFail: true,
    cwd: FOLDER,
  });
}

function run(
  program: string,
  args: readonly string[],
  { mayFail = false, cwd = TOOLS } = {},
): Promise<{ exitCode: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    }
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0 || mayFail) resolve({ exitCode: code ?? -1, output });
      else reject(new Error(`${program} ${args.join(" ")} ended with ${String(code)}: ${output}`));
    });
  });
}

if (import.meta.main) {
  const missing = missingForSchemathesis();
  if (missing === undefined) await install();
  else process.stderr.write(`schemathesis: not installed: ${missing}\n`);
}
