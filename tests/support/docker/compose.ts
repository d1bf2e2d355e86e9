/** Docker Compose: the machine's own, else the Go module, built once into .automatos/docker/. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { withFileLock } from "../../../components/local/file-lock.ts";

const run = promisify(execFile);
const FOLDER = path.resolve(import.meta.dirname, "../../../.automatos/docker/compose");
const MODULE = "github.com/docker/compose/v2/cmd@v2.29.7";
const BUILT = path.join(FOLDER, "docker-compose");
const BUILD_MS = 8 * 60_000;

let found: Promise<readonly [string, ...string[]] | string> | undefined;

/** False, or why there is none: a test's reason to be skipped. */
export async function composeIsMissing(): Promise<string | false> {
  found ??= find();
  const command = await found;
  return typeof command === "string" ? command : false;
}

/** The words that stand for `docker compose`. */
export async function composeCommand(): Promise<readonly [string, ...string[]]> {
  found ??= find();
  const command = await found;
  if (typeof command === "string") throw new Error(command);
  return command;
}

async function find(): Promise<readonly [string, ...string[]] | string> {
  const works = (program: string, ...args: string[]) =>
    run(program, [...args, "version"]).then(
      () => true,
      () => false,
    );
  if (await works("docker", "compose")) return ["docker", "compose"];
  if (existsSync(BUILT)) return [BUILT];
  try {
    await build();
    return [BUILT];
  } catch (error) {
    const reason = `no Docker Compose, and ${MODULE} cannot be built: ${String(error).slice(0, 300)}`;
    process.stderr.write(`SKIPPED: tests with Docker Compose: ${reason}\n`);
    return reason;
  }
}

async function build(): Promise<void> {
  await run("go", ["version"]);
  await mkdir(FOLDER, { recursive: true });
  await withFileLock(
    path.join(FOLDER, "lock"),
    async () => {
      if (existsSync(BUILT)) return;
      process.stderr.write("building Docker Compose (once, some minutes) ...\n");
      await run("go", ["install", MODULE], { env: { ...process.env, GOBIN: FOLDER }, timeout: BUILD_MS });
      await rename(path.join(FOLDER, "cmd"), BUILT);
    },
    BUILD_MS,
  );
}
