// Which engine runs a command: Pulumi's own from PATH, or the embedded one.
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { constants as os } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The oldest Pulumi that is handed over to. */
const oldest = [3, 200, 0];

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ command?: string, error?: string }} The `pulumi` to hand over to; neither means the embedded engine.
 */
export function chooseEngine(env) {
  const forced = env.AUTOMATOS_ENGINE ?? "";
  if (forced === "embedded") return {};
  if (forced !== "" && forced !== "cli")
    return { error: `AUTOMATOS_ENGINE is '${forced}'; it may be 'embedded' or 'cli'` };
  /** @type {string[]} */
  const refused = [];
  for (const command of candidates(env)) {
    const version = versionOf(command, env);
    if (version === undefined) refused.push(`${command} does not answer \`pulumi version\` as Pulumi does`);
    else if (isOlder(version)) refused.push(`${command} is ${version.join(".")}, older than ${oldest.join(".")}`);
    else return { command };
  }
  if (forced !== "cli") return {};
  return {
    error:
      "AUTOMATOS_ENGINE=cli, but there is no usable `pulumi` on PATH" +
      (refused.length > 0 ? `: ${refused.join("; ")}` : " besides this one"),
  };
}

/**
 * Runs another `pulumi` in this one's place: same arguments, streams and signals, and its exit code in the end.
 * @param {string} command
 * @param {string[]} args
 */
export function handOver(command, args) {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let child = undefined;
  // before the child is there: no signal may find this process without a way to pass it on.
  // A terminal sends Ctrl-C to the child as well: passing it on would count it twice.
  process.on("SIGINT", () => process.stdin.isTTY || child?.kill("SIGINT"));
  for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP", "SIGQUIT"]))
    process.on(signal, () => child?.kill(signal));
  child = spawn(command, args, { stdio: "inherit" });
  child.on("error", (error) => {
    process.stderr.write(`error: could not start ${command}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signal === null ? 0 : (os.signals[signal] ?? 0));
  });
}

/**
 * Every other `pulumi` on PATH. This command itself is found there under several names.
 * @param {NodeJS.ProcessEnv} env
 */
function candidates(env) {
  const own = realpathSync(fileURLToPath(new URL("pulumi.mjs", import.meta.url)));
  const name = process.platform === "win32" ? "pulumi.exe" : "pulumi";
  return (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, name))
    .filter((file) => isExecutable(file) && realpathSync(file) !== own);
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * @param {string} command
 * @param {NodeJS.ProcessEnv} env
 * @returns {number[] | undefined}
 */
function versionOf(command, env) {
  // a wrapper that leads back here answers as the embedded engine, and is thereby known
  const { stdout } = spawnSync(command, ["version"], {
    env: { ...env, AUTOMATOS_ENGINE: "embedded", PULUMI_SKIP_UPDATE_CHECK: "true" },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 20_000,
  });
  const match = /^v(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?$/.exec((stdout ?? "").trim());
  return match ? match.slice(1, 4).map(Number) : undefined;
}

/** @param {number[]} version */
function isOlder(version) {
  const difference = version.map((part, index) => part - (oldest[index] ?? 0)).find((part) => part !== 0);
  return difference !== undefined && difference < 0;
}
