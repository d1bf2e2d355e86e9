import type { NotificationListener } from "../runtime/listener.ts";
import type { Logger } from "../runtime/logger.ts";
import type { TaskAttempt } from "./task-attempt.ts";
import type { TaskLeases } from "./task-leases.ts";
import type { StopReason } from "./task-runner.ts";

export interface LeaseKeeperDeps {
  readonly leases: TaskLeases;
  readonly leaseSeconds: number;
  readonly listener: NotificationListener;
  readonly log: Logger;
  /** Called with every heartbeat. */
  readonly onBeat: () => Promise<void>;
}

/** A lease is renewed so many times before it would end. */
const BEATS_PER_LEASE = 4;
/** How late a cancel is noticed whose notification was lost. */
const CANCEL_POLL_MS = 1_000;

/** Keeps the leases of the attempts that run in this process, and tells them what happens to them. */
export class LeaseKeeper {
  readonly #deps: LeaseKeeperDeps;
  readonly #attempts = new Map<string, TaskAttempt>();
  #lastBeat = performance.now();
  #stopped: StopReason | undefined;
  #beating = false;
  #polling = false;
  #stops: (() => void)[] = [];

  constructor(deps: LeaseKeeperDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { leaseSeconds, listener } = this.#deps;
    const beat = setInterval(() => void this.#beat(), (leaseSeconds * 1_000) / BEATS_PER_LEASE);
    const poll = setInterval(() => void this.#pollCancels(), CANCEL_POLL_MS);
    this.#stops = [
      () => clearInterval(beat),
      () => clearInterval(poll),
      listener.subscribe("automatos_cancel", (taskId) => this.#cancel(taskId)),
      listener.onReconnect(() => void this.#pollCancels()),
    ];
    this.#lastBeat = performance.now();
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  add(attempt: TaskAttempt): void {
    this.#attempts.set(attempt.claimed.token, attempt);
    if (this.#stopped !== undefined) attempt.stop(this.#stopped);
  }

  remove(attempt: TaskAttempt): void {
    this.#attempts.delete(attempt.claimed.token);
  }

  attempts(): Iterable<TaskAttempt> {
    return this.#attempts.values();
  }

  /** Stops all attempts, and those that come. */
  stopAll(reason: StopReason): void {
    this.#stopped = reason;
    for (const attempt of this.#attempts.values()) attempt.stop(reason);
  }

  /** @throws when no heartbeat has reached the record within the time of a lease */
  check(): void {
    const silentSeconds = (performance.now() - this.#lastBeat) / 1_000;
    if (silentSeconds > this.#deps.leaseSeconds) {
      throw new Error(`no heartbeat has reached the record for ${silentSeconds.toFixed(1)} s`);
    }
  }

  async #beat(): Promise<void> {
    if (this.#beating) {
      this.#giveUpExpired();
      return;
    }
    this.#beating = true;
    const sentAt = performance.now();
    const tokens = [...this.#attempts.keys()];
    try {
      const held = tokens.length === 0 ? new Set<string>() : await this.#deps.leases.renew(tokens);
      for (const token of tokens) {
        const attempt = this.#attempts.get(token);
        if (attempt === undefined) continue;
        if (held.has(token)) attempt.renewedAt = sentAt;
        else attempt.stop("lease_lost");
      }
      await this.#deps.onBeat();
      this.#lastBeat = sentAt;
    } catch (error) {
      this.#deps.log.warn({ event: "heartbeat_failed", tasks: tokens.length, err: error }, "heartbeat failed");
      this.#giveUpExpired();
    } finally {
      this.#beating = false;
    }
  }

  /** While the record is away nobody says that a lease was lost; but it has ended, and another may have the task. */
  #giveUpExpired(): void {
    const expired = performance.now() - this.#deps.leaseSeconds * 1_000;
    for (const attempt of this.#attempts.values()) if (attempt.renewedAt < expired) attempt.stop("lease_lost");
  }

  async #pollCancels(): Promise<void> {
    if (this.#polling || this.#attempts.size === 0) return;
    this.#polling = true;
    try {
      const taskIds = [...this.#attempts.values()].map(({ claimed }) => claimed.task.taskId);
      for (const taskId of await this.#deps.leases.findCancelled(taskIds)) this.#cancel(taskId);
    } catch (error) {
      this.#deps.log.debug({ event: "cancel_poll_failed", err: error }, "cancel poll failed");
    } finally {
      this.#polling = false;
    }
  }

  #cancel(taskId: string): void {
    for (const attempt of this.#attempts.values()) {
      if (attempt.claimed.task.taskId === taskId) attempt.stop("cancelled");
    }
  }
}
