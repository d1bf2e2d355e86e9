import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ProcessIdentity, startTimeFromLinuxStat } from "./process-table.ts";

/** What is known of a daemon from the moment before it is started; kept in `.automatos/run/<name>.json`. */
export interface DaemonRecord {
  readonly name: string;
  /** The project's folder when it was started: another one now means that the folder was moved or copied. */
  readonly projectDir: string;
  /** Of everything that decides how it runs. Equal: it need not be started again. */
  readonly fingerprint: string;
  readonly port: number;
  /** Ends it gracefully. */
  readonly stopSignal: NodeJS.Signals;
  readonly stopGraceSeconds: number;
}

/** Folders of the local phase, below the project's. */
export const runDir = (projectDir: string) => join(projectDir, ".automatos", "run");
export const logFileOf = (projectDir: string, name: string) => join(projectDir, ".automatos", "logs", `${name}.log`);
export const recordFile = (projectDir: string, name: string) => join(runDir(projectDir), `${name}.json`);
/** Written by the daemon itself, in its first instant: it is there even when the starter was killed right after. */
export const pidFile = (projectDir: string, name: string) => join(runDir(projectDir), `${name}.pid`);

/** Writes a file as a whole or not at all, readable by its owner only. */
export function writeWhole(file: string, text: string): void {
  const draft = `${file}.${process.pid}.draft`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Announces a start: from now on a process of that name may exist. */
export function writeRecord(record: DaemonRecord): void {
  mkdirSync(runDir(record.projectDir), { recursive: true, mode: 0o700 });
  rmSync(pidFile(record.projectDir, record.name), { force: true });
  writeWhole(recordFile(record.projectDir, record.name), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** The record of a daemon; `undefined` when none was started, or its file is damaged. */
export function readRecord(projectDir: string, name: string): DaemonRecord | undefined {
  const text = readText(recordFile(projectDir, name));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as DaemonRecord;
  } catch {
    return undefined; // cut short by a full disk: the state's own identity is what is left
  }
}

/** Every daemon that was started from this folder and not stopped since. */
export function listRecords(projectDir: string): DaemonRecord[] {
  let names: string[] = [];
  try {
    names = readdirSync(runDir(projectDir)).filter((entry) => entry.endsWith(".json"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return names.flatMap((entry) => readRecord(projectDir, entry.slice(0, -".json".length)) ?? []);
}

/** Which process it is, from what the daemon wrote of itself; `undefined` before it did. */
export function readIdentity(projectDir: string, name: string): ProcessIdentity | undefined {
  const text = readText(pidFile(projectDir, name));
  if (text?.endsWith("\n") !== true) return undefined;
  const [pid = "", started = ""] = text.split("\n");
  const startTime = process.platform === "linux" ? startTimeFromLinuxStat(started) : started.trim();
  return { pid: Number(pid), startTime };
}

/** Forgets a daemon that is stopped. */
export function removeRecord(projectDir: string, name: string): void {
  rmSync(pidFile(projectDir, name), { force: true });
  rmSync(recordFile(projectDir, name), { force: true });
}

/**
 * Whether a record describes a daemon of this folder. Not so in a copy of the folder whose original still runs:
 * its processes are the original's.
 */
export function isOwnRecord(projectDir: string, record: DaemonRecord): boolean {
  if (record.projectDir === projectDir) return true;
  const here = readIdentity(projectDir, record.name);
  const there = readIdentity(record.projectDir, record.name);
  if (here === undefined || there === undefined) return true;
  return here.pid !== there.pid || here.startTime !== there.startTime;
}
