import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type DaemonRecord,
  isOwnRecord,
  logFileOf,
  pidFile,
  readIdentity,
  readRecord,
  recordFile,
  removeRecord,
  writeRecord,
  writeWhole,
} from "./daemon-record.ts";
import { describeProcess, familyOf, identityOf, isRunning, type ProcessIdentity } from "./process-table.ts";
import { isPortFree, listenerOf } from "./ports.ts";

const POLL_MS = 25;
const LOG_LIMIT_BYTES = 20_000_000;
/** A child that the killed starter had just forked needs this long at most to write who it is. */
const BIRTH_MS = 2_000;

/** A program that runs on its own, and how to know that it is ready. */
export interface Daemon extends DaemonRecord {
  /** Makes ready what it needs and gives the program and its arguments; called right before the start. */
  readonly prepare: () => Promise<readonly string[]>;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The configuration key that sets the port, for the error that it is taken. */
  readonly portKey: string;
  readonly readyTimeoutSeconds: number;
  /** Whether it answers as it should; must not throw. */
  readonly isReady: () => Promise<boolean>;
}

/** A daemon that did not become ready; its last output is part of the message. */
export class DaemonStartError extends Error {
  constructor(name: string, reason: string, logTail: string) {
    super(`${name} ${reason}${logTail === "" ? "" : `; the end of its log:\n${logTail}`}`);
    this.name = "DaemonStartError";
  }
}

/** Another program listens where a daemon is to. */
export class PortTakenError extends Error {
  constructor(name: string, port: number, portKey: string) {
    const listener = listenerOf(port);
    const who = listener === undefined ? "another program" : describeProcess(listener);
    super(`port ${port} of ${name} is taken by ${who}; stop it, or set another port in automatos:settings: ${portKey}`);
    this.name = "PortTakenError";
  }
}

/**
 * Has a process write its own number and start before it becomes the program: with a starter that is killed at any
 * moment, there is no process that the next start cannot find. `exec` keeps the number.
 */
const RECORD_AND_EXEC =
  process.platform === "linux"
    ? 'IFS= read -r stat < /proc/$$/stat; printf "%s\\n%s\\n" $$ "$stat" > "$0"; exec "$@"'
    : 'printf "%s\\n%s\\n" $$ "$(ps -o lstart= -p $$)" > "$0"; exec "$@"';

function spawnDetached(daemon: Daemon, argv: readonly string[], log: number): ChildProcess {
  const options = { cwd: daemon.projectDir, env: daemon.env, detached: true, stdio: ["ignore", log, log] as const };
  const file = pidFile(daemon.projectDir, daemon.name);
  if (process.platform !== "win32") {
    return spawn("/bin/sh", ["-c", RECORD_AND_EXEC, file, ...argv], { ...options, stdio: [...options.stdio] });
  }
  const [program = "", ...args] = argv;
  const child = spawn(program, args, { ...options, stdio: [...options.stdio], windowsHide: true });
  if (child.pid !== undefined) writeWhole(file, `${child.pid}\n${identityOf(child.pid)?.startTime ?? ""}\n`);
  return child;
}

/** Opens the log for appending; a large one makes room first. */
function openLog(file: string): { fd: number; offset: number } {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(file, `${file}.1`);
  return { fd: openSync(file, "a", 0o600), offset: size > LOG_LIMIT_BYTES ? 0 : size };
}

function tailOf(file: string, offset: number): string {
  const TAIL_LINES = 20;
  return readFileSync(file).subarray(offset).toString("utf8").trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
}

/** Polls until the condition holds; false when it did not in time. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  for (const deadline = Date.now() + timeoutMs; ;) {
    if (await condition()) return true;
    if (Date.now() >= deadline) return false;
    await delay(POLL_MS);
  }
}

/**
 * Starts a daemon and waits until it is ready; it outlives this process. When it does not become ready, nothing of it
 * is left.
 *
 * @throws PortTakenError before anything is started.
 * @throws DaemonStartError when it ended early or was not ready in time.
 */
export async function startDaemon(daemon: Daemon): Promise<ProcessIdentity> {
  const PORT_RELEASE_MS = 1_000; // of one that was stopped a moment ago
  if (!(await waitUntil(() => isPortFree(daemon.port), PORT_RELEASE_MS))) {
    throw new PortTakenError(daemon.name, daemon.port, daemon.portKey);
  }
  const argv = await daemon.prepare();
  const { name, projectDir, fingerprint, port, stopSignal, stopGraceSeconds } = daemon;
  writeRecord({ name, projectDir, fingerprint, port, stopSignal, stopGraceSeconds });

  const logFile = logFileOf(projectDir, name);
  const log = openLog(logFile);
  const child = spawnDetached(daemon, argv, log.fd);
  closeSync(log.fd);
  let failure: string | undefined;
  child.once("error", (error) => (failure = `could not be started (${error.message})`));
  child.once("exit", (code, signal) => (failure = `ended with ${signal ?? `exit code ${code ?? "unknown"}`}`));

  const ready = await waitUntil(
    async () => failure !== undefined || (await daemon.isReady()),
    daemon.readyTimeoutSeconds * 1_000,
  );
  const identity = readIdentity(projectDir, name);
  if (ready && failure === undefined && identity !== undefined) {
    child.unref();
    return identity;
  }
  const reason = failure ?? `was not ready within ${daemon.readyTimeoutSeconds} s`;
  await stopDaemon(projectDir, name);
  throw new DaemonStartError(name, reason, tailOf(logFile, log.offset));
}

/** Ends a process gracefully, by force after the grace, and what it started. A process that is gone is no error. */
export async function stopProcess(
  identity: ProcessIdentity,
  options: { readonly signal: NodeJS.Signals; readonly graceSeconds: number },
): Promise<void> {
  const family = familyOf(identity);
  signal(identity, options.signal);
  if (!(await waitUntil(() => !isRunning(identity), options.graceSeconds * 1_000))) signal(identity, "SIGKILL");
  const all = [identity, ...family, ...familyOf(identity)];
  for (const member of all.slice(1)) signal(member, "SIGKILL");
  const KILL_MS = 10_000;
  if (!(await waitUntil(() => !all.some(isRunning), KILL_MS))) {
    throw new Error(`process ${identity.pid} or a child of it did not end within ${KILL_MS} ms of SIGKILL`);
  }
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The process of a record, waiting for one whose starter was killed an instant ago. */
async function identityOfRecord(projectDir: string, record: DaemonRecord): Promise<ProcessIdentity | undefined> {
  const bornAt = statSync(recordFile(projectDir, record.name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  await waitUntil(
    () => readIdentity(projectDir, record.name) !== undefined,
    Math.max(0, Math.min(BIRTH_MS, bornAt + BIRTH_MS - Date.now())),
  );
  return readIdentity(projectDir, record.name);
}

/** A daemon's record and process as they are now: `identity` is there only while that very process runs. */
export async function findDaemon(
  projectDir: string,
  name: string,
): Promise<{ readonly record: DaemonRecord; readonly identity: ProcessIdentity | undefined } | undefined> {
  const record = readRecord(projectDir, name);
  if (record === undefined || !isOwnRecord(projectDir, record)) return undefined;
  const identity = await identityOfRecord(projectDir, record);
  return { record, identity: identity !== undefined && isRunning(identity) ? identity : undefined };
}

/**
 * Stops the daemon of that name with all it started, and forgets it. `fallback` is what a stack's state knows, for when
 * the record is lost. Nothing to stop is no error.
 */
export async function stopDaemon(projectDir: string, name: string, fallback?: ProcessIdentity): Promise<void> {
  const DEFAULT_GRACE_SECONDS = 30;
  const record = readRecord(projectDir, name);
  const copied = record !== undefined && !isOwnRecord(projectDir, record);
  if (!copied) {
    const options = {
      signal: record?.stopSignal ?? "SIGTERM",
      graceSeconds: record?.stopGraceSeconds ?? DEFAULT_GRACE_SECONDS,
    };
    const recorded = record === undefined ? undefined : await identityOfRecord(projectDir, record);
    // a dead leader is passed on too: what it started may still run
    for (const identity of [recorded, fallback]) if (identity !== undefined) await stopProcess(identity, options);
  }
  removeRecord(projectDir, name);
}
