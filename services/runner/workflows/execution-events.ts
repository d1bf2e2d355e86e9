import { setTimeout as delay } from "node:timers/promises";
import { isLastWorkflowEvent, type WorkflowEvent } from "../../../contracts/workflow-event.ts";
import { isTransient, type Pool } from "../../runtime/database.ts";
import type { NotificationListener } from "../../runtime/listener.ts";
import type { EventBus } from "../bus/event-bus.ts";
import { EventFeed, type EventPage } from "../event-feed.ts";
import type { FollowOptions } from "../task-runner.ts";
import { isAborted, Watchers } from "../watchers.ts";
import { readEvents } from "./event-order.ts";

/** How long a follower trusts that nothing came when no notification did. */
const RECHECK_MS = 1_000;
const RETRY_MS = 250;
/** Who has more than this before him is told so. */
const BEHIND_EVENTS = 1_000;

interface Followed {
  readonly feed: EventFeed<WorkflowEvent>;
  followers: number;
}

/** The events of whole executions: their own and those of their tasks, numbered in one order. */
export class ExecutionEvents {
  readonly #pool: Pool;
  readonly #unsubscribe: (() => void)[];
  readonly #followers = new Watchers();
  readonly #followed = new Map<string, Followed>();
  /** The tasks that were heard of in executions that are followed, by which their notifications are known. */
  readonly #executions = new Map<string, string>();

  constructor(deps: { readonly pool: Pool; readonly listener: NotificationListener; readonly bus: EventBus }) {
    this.#pool = deps.pool;
    this.#unsubscribe = [
      deps.listener.subscribe("automatos_workflows", (executionId) => this.#followers.wake(executionId)),
      deps.bus.subscribe(({ taskId }) => {
        const executionId = this.#executions.get(taskId);
        if (executionId !== undefined) this.#followers.wake(executionId);
      }),
      // What was announced in the meantime was not heard.
      deps.listener.onReconnect(() => this.#followers.wakeAll()),
      deps.bus.onGap(() => this.#followers.wakeAll()),
    ];
  }

  /** Ends its subscriptions; who follows still is woken by the clock alone. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  /**
   * Replays the events after number `after`, then follows live, and ends after the last. Numbers have no gap and no repeat,
   * however slowly they are taken; a server that is away for a while is waited for. Ends early when `signal` fires.
   *
   * @throws ExecutionNotFoundError
   */
  async *follow(executionId: string, options: FollowOptions = {}): AsyncGenerator<WorkflowEvent> {
    const { after = 0, signal, onBehind } = options;
    const watch = this.#followers.watch(executionId, signal);
    const feed = this.#open(executionId);
    try {
      await retryTransient(() => this.#hear(executionId), signal);
      for (let last = after; signal?.aborted !== true;) {
        watch.reset();
        const { events, ended, newest } = await retryTransient(() => feed.next(last), signal);
        for (const event of events) {
          yield event;
          if (isLastWorkflowEvent(event) || isAborted(signal)) return;
          last = event.sequence;
        }
        if (ended) return;
        if (newest - last > BEHIND_EVENTS) onBehind?.({ events: newest - last, newest });
        if (events.length === 0) await watch.wait(RECHECK_MS);
      }
    } catch (error) {
      if (!isAborted(signal)) throw error;
    } finally {
      watch.end();
      this.#close(executionId);
    }
  }

  /** Whether the execution has ended and no event is behind number `after`. @throws ExecutionNotFoundError */
  async isOver(executionId: string, after: number): Promise<boolean> {
    return (await readEvents(this.#pool, executionId, after)).ended;
  }

  #open(executionId: string): EventFeed<WorkflowEvent> {
    let followed = this.#followed.get(executionId);
    if (followed === undefined) {
      followed = { feed: new EventFeed((after) => this.#read(executionId, after)), followers: 0 };
      this.#followed.set(executionId, followed);
    }
    followed.followers += 1;
    return followed.feed;
  }

  #close(executionId: string): void {
    const followed = this.#followed.get(executionId);
    if (followed === undefined || --followed.followers > 0) return;
    this.#followed.delete(executionId);
    for (const [taskId, parent] of this.#executions) if (parent === executionId) this.#executions.delete(taskId);
  }

  /** Of the tasks that are under way already: who comes back reads nothing of their beginning. */
  async #hear(executionId: string): Promise<void> {
    const { rows } = await this.#pool.query<{ id: string }>(
      "SELECT task_id AS id FROM workflow_steps WHERE execution_id = $1 AND status = 'submitted'",
      [executionId],
    );
    for (const { id } of rows) this.#executions.set(id, executionId);
  }

  async #read(executionId: string, after: number): Promise<EventPage<WorkflowEvent>> {
    const page = await readEvents(this.#pool, executionId, after);
    for (const { body, task } of page.events) {
      if (body.type === "workflow_step_submitted") this.#executions.set(body.taskId, executionId);
      if (body.type === "task_ended" && task !== null) this.#executions.delete(task.taskId);
    }
    return page;
  }
}

async function retryTransient<T>(body: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (;;) {
    try {
      return await body();
    } catch (error) {
      if (!isTransient(error)) throw error;
      await delay(RETRY_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
}
