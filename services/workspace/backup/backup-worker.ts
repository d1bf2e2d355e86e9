import { setTimeout as delay } from "node:timers/promises";
import { PlatformError } from "../../../contracts/errors.ts";
import type { BackupConfig } from "../../../contracts/backup.ts";
import { Leadership } from "../../runner/admission/leadership.ts";
import { isTransient, type Pool } from "../../runtime/database.ts";
import type { NotificationListener } from "../../runtime/listener.ts";
import type { Logger } from "../../runtime/logger.ts";
import { RepositoryLockLostError } from "../repository-errors.ts";
import type { BackupLeases, ClaimedRun, RunOutcome } from "./backup-leases.ts";
import { requestDueBackups } from "./backup-schedule.ts";
import { ComparedError, type RunDoer } from "./do-run.ts";
import {
  BackupNotConfiguredError,
  BackupProgramError,
  BackupRecordAwayError,
  BackupWorkerLostError,
} from "./errors.ts";
import type { RestoredTrees } from "./restored-trees.ts";

type Doer = Pick<RunDoer, "do" | "forget">;

export interface BackupWorkerDeps {
  readonly pool: Pool;
  readonly listener: Pick<NotificationListener, "subscribe">;
  readonly leases: BackupLeases;
  readonly trees: Pick<RestoredTrees, "settle" | "hasBegun">;
  readonly leaseSeconds: number;
  readonly holder: string;
  /** Undefined: backups are not configured, and what nobody else takes is ended with that. */
  readonly configured:
    { readonly doer: Doer; readonly config: BackupConfig } | { readonly problem: PlatformError } | undefined;
  readonly log: Logger;
}

const POLL_MS = 1_000;
const SCHEDULE_MS = 5_000;
const LEADERSHIP_SECONDS = 15;
/** What a worker that can do no backups leaves to those that can. */
const OTHERS_FIRST_SECONDS = 120;
/** Failures that may pass by themselves. */
const PASSING = new Set([
  "BACKUP_STORE_UNREACHABLE",
  "BACKUP_REPOSITORY_LOCKED",
  "BACKUP_RECORD_UNREACHABLE",
  "BACKUP_WORKER_LOST",
]);
const RECORD_AGAIN_MS = 500;
const LOST = new Error("the lease is another's");
const STOPPING = new Error("this worker stops");

/** Does one run at a time of those that are asked for, and asks for what the schedules say. */
export class BackupWorker {
  readonly #deps: BackupWorkerDeps;
  readonly #leadership: Leadership;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #unsubscribe = (): void => undefined;
  #working: Promise<void> | undefined;
  #scheduledAt = 0;

  constructor(deps: BackupWorkerDeps) {
    this.#deps = deps;
    this.#leadership = new Leadership({ role: "backups", holder: deps.holder, seconds: LEADERSHIP_SECONDS });
  }

  start(): void {
    this.#unsubscribe = this.#deps.listener.subscribe("automatos_backups", () => this.#look());
    this.#timer = setInterval(() => this.#look(), POLL_MS);
  }

  /** Stops what it does, and hands it back. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#unsubscribe();
    this.#closing.abort(STOPPING);
    await this.#working;
    await this.#leadership.release(this.#deps.pool).catch(() => undefined); // it runs out by itself
  }

  #look(): void {
    if (this.#closing.signal.aborted) return;
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
  }

  async #work(): Promise<void> {
    try {
      await this.#schedule();
      const overdue = isReady(this.#deps) ? 0 : OTHERS_FIRST_SECONDS;
      for (;;) {
        if (this.#closing.signal.aborted) return;
        const claimed = await this.#deps.leases.claim(overdue);
        if (claimed === undefined) return;
        await this.#do(claimed);
      }
    } catch (error) {
      const level = isTransient(error) ? "warn" : "error";
      this.#deps.log[level]({ event: "backups_failed", err: error }, "backups are looked at again in a moment");
    }
  }

  async #schedule(): Promise<void> {
    const { configured, pool } = this.#deps;
    if (configured === undefined || !("doer" in configured) || Date.now() - this.#scheduledAt < SCHEDULE_MS) return;
    this.#scheduledAt = Date.now();
    if (await this.#leadership.acquire(pool)) await requestDueBackups(pool, configured.config);
  }

  async #do(claimed: ClaimedRun): Promise<void> {
    const { leases, log, configured, leaseSeconds } = this.#deps;
    const { runId, workspaceId, kind, attempt } = claimed.run;
    const ids = { runId, workspaceId, kind, attempt };
    const lost = new AbortController();
    const keep = setInterval(
      () => {
        leases.keep(claimed).then(
          (isOurs) => isOurs || lost.abort(LOST),
          (error: unknown) =>
            log.warn({ event: "backup_lease_unsure", ...ids, err: error }, "lease is prolonged later"),
        );
      },
      (leaseSeconds * 1_000) / 3,
    );
    const signal = AbortSignal.any([lost.signal, this.#closing.signal]);
    const began = performance.now();
    try {
      const outcome = await this.#outcome(claimed, signal);
      await this.#record(claimed, outcome);
      const durationMs = Math.round(performance.now() - began);
      log.info(
        { event: "backup_run_succeeded", ...ids, ...outcome, comparison: undefined, durationMs },
        "run succeeded",
      );
      if (kind === "backup" && configured !== undefined && "doer" in configured) {
        await this.#forget(claimed, configured.doer);
      }
    } catch (error) {
      await this.#fail(claimed, error);
    } finally {
      clearInterval(keep);
    }
  }

  async #outcome(claimed: ClaimedRun, signal: AbortSignal): Promise<RunOutcome> {
    const { leases, trees, configured } = this.#deps;
    const { run } = claimed;
    // A restore that has replaced the files has succeeded, whoever did it, and however often its workers were lost.
    const settled = await trees.settle(run);
    if (settled !== undefined) return settled;
    if (configured === undefined) throw new BackupNotConfiguredError();
    if ("problem" in configured) throw configured.problem;
    if (leases.isWornOut(claimed)) throw new BackupWorkerLostError(run.attempt - 1);
    return configured.doer.do(claimed, signal);
  }

  /** What is done stays done: a database that is away is asked again until it is there, or the run is another's. */
  async #record(claimed: ClaimedRun, outcome: RunOutcome): Promise<void> {
    const { leases, log } = this.#deps;
    const { runId, workspaceId } = claimed.run;
    for (;;) {
      try {
        if (await leases.succeed(claimed, outcome)) return;
        // By another, or by this one, whose answer was lost on its way.
        if ((await leases.find(runId)).state === "succeeded") return;
        throw LOST;
      } catch (error) {
        if (!isTransient(error)) throw error;
        log.warn({ event: "backup_record_unsure", runId, workspaceId, err: error }, "success is recorded later");
      }
      await delay(RECORD_AGAIN_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      this.#closing.signal.throwIfAborted();
    }
  }

  /** What is kept too long is removed after the next backup: this one has succeeded. */
  async #forget({ run }: ClaimedRun, doer: Doer): Promise<void> {
    const { runId, workspaceId } = run;
    await doer.forget(run, this.#closing.signal).catch((error: unknown) => {
      this.#deps.log.warn(
        { event: "backups_not_removed", runId, workspaceId, err: error },
        "old backups are removed later",
      );
    });
  }

  async #fail(claimed: ClaimedRun, error: unknown): Promise<void> {
    const { leases, trees, log } = this.#deps;
    const { runId, workspaceId, kind, attempt } = claimed.run;
    const ids = { runId, workspaceId, kind, attempt };
    if (error === LOST) {
      log.warn({ event: "backup_run_lost", ...ids }, "another worker has taken the run over");
      return;
    }
    if (error === STOPPING) {
      await leases.handBack(claimed);
      return;
    }
    if (await trees.hasBegun(claimed.run)) {
      // No failure any more: the lease runs out, and who takes the run next finds the files replaced.
      log.warn({ event: "backup_restore_unsettled", ...ids, err: error }, "restored files are settled later");
      return;
    }
    const known = toPlatformError(error);
    const comparison = error instanceof ComparedError ? error.comparison : undefined;
    const state = await leases.fail(claimed, known.toTaskError(), { mayPass: PASSING.has(known.code), comparison });
    log.error({ event: "backup_run_failed", ...ids, code: known.code, state, err: error }, "run failed");
  }
}

/** What the user is told. What nobody foresaw stays in the log: its text may say anything. */
function toPlatformError(error: unknown): PlatformError {
  if (error instanceof RepositoryLockLostError || isTransient(error)) return new BackupRecordAwayError(error);
  if (error instanceof PlatformError) return error;
  // A lock of the workspace was not to be had in time.
  if (error instanceof Error && error.name === "TimeoutError") return new BackupRecordAwayError(error);
  return new BackupProgramError("the worker", "something that was not foreseen; its log has it under the run's id");
}

const isReady = ({ configured }: BackupWorkerDeps): boolean => configured !== undefined && "doer" in configured;
