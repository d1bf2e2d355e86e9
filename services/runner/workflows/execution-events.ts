import { isLastWorkflowEvent, type WorkflowEvent } from "../../../contracts/workflow-event.ts";
import type { Pool } from "../../runtime/database.ts";
import type { NotificationListener } from "../../runtime/listener.ts";
import type { EventBus } from "../bus/event-bus.ts";
import type { EventPage } from "../event-feed.ts";
import { SharedFeeds } from "../shared-feeds.ts";
import type { FollowOptions } from "../task-runner.ts";
import { readEvents } from "./event-order.ts";

/** How long a follower trusts that nothing came when no notification did. */
const RECHECK_MS = 1_000;

/** The events of whole executions: their own and those of their tasks, numbered in one order. */
export class ExecutionEvents {
  readonly #pool: Pool;
  readonly #unsubscribe: (() => void)[];
  readonly #feeds = new SharedFeeds<WorkflowEvent>({
    read: (executionId, after) => this.#read(executionId, after),
    isLast: isLastWorkflowEvent,
    recheckMs: RECHECK_MS,
    onFollowed: (executionId) => this.#hear(executionId),
    onLeft: (executionId) => this.#forget(executionId),
  });
  /** The tasks that were heard of in executions that are followed, by which their notifications are known. */
  readonly #executions = new Map<string, string>();

  constructor(deps: { readonly pool: Pool; readonly listener: NotificationListener; readonly bus: EventBus }) {
    this.#pool = deps.pool;
    this.#unsubscribe = [
      deps.listener.subscribe("automatos_workflows", (executionId) => this.#feeds.wake(executionId)),
      deps.bus.subscribe(({ taskId }) => {
        const executionId = this.#executions.get(taskId);
        if (executionId !== undefined) this.#feeds.wake(executionId);
      }),
      // What was announced in the meantime was not heard.
      deps.listener.onReconnect(() => this.#feeds.wakeAll()),
      deps.bus.onGap(() => this.#feeds.wakeAll()),
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
  follow(executionId: string, options: FollowOptions = {}): AsyncGenerator<WorkflowEvent> {
    return this.#feeds.follow(executionId, options);
  }

  /** Whether the execution has ended and no event is behind number `after`. @throws ExecutionNotFoundError */
  async isOver(executionId: string, after: number): Promise<boolean> {
    return (await readEvents(this.#pool, executionId, after)).ended;
  }

  #forget(executionId: string): void {
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
