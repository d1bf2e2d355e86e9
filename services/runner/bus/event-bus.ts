/** That a task has new events; what they are stands in the record. */
export interface TaskNews {
  readonly taskId: string;
  /** Whether its last one is among them. */
  readonly ended: boolean;
}

export type HearNews = (news: TaskNews) => void;

/**
 * Wakes who follows tasks. News may come twice, late or for nothing, and some may be lost: followers read the record,
 * and look there by themselves from time to time. Each kind obeys tests/contract/event-bus.contract.ts.
 */
export interface EventBus {
  /** Whether writers must publish what they have written. Else the record itself tells of it. */
  readonly needsWriters: boolean;
  /** Begins to hear; who only publishes need not. What is not there yet is waited for beside. */
  start(): Promise<void>;
  /** Resolves when it is told. News that cannot be told are dropped, with a line in the log: never rejects. */
  publish(news: readonly TaskNews[]): Promise<void>;
  /** Calls `hear` for the news of all tasks, from when the bus has started. Returns the way to end it. */
  subscribe(hear: HearNews): () => void;
  /** Calls `handler` when news may have been lost and will be heard again from now on. Returns the way to end it. */
  onGap(handler: () => void): () => void;
  /** Idempotent. */
  close(): Promise<void>;
}
