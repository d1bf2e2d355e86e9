import type { TaskEventBody } from "../../contracts/task-event.ts";

/** Writes one batch; batches are numbered from 1. Tries until it is written, or throws what cannot be repaired. */
export type WriteBatch = (batch: number, bodies: readonly TaskEventBody[]) => Promise<void>;

const MAX_BATCH_EVENTS = 500;
const MAX_BATCH_CHARS = 1_048_576;
/** Output that waits for a record which does not answer. Beyond it, output is dropped and the loss is told. */
const MAX_WAITING_CHARS = 16_777_216;

/**
 * Takes a running task's events as they come and writes them in order, as many at once as have come since the last
 * write: a task that says much costs a write per round trip, not per event.
 */
export class EventWriter {
  readonly #write: WriteBatch;
  #waiting: TaskEventBody[] = [];
  #waitingChars = 0;
  #dropped = 0;
  #batch = 0;
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #closed = false;
  #draining = false;

  constructor(write: WriteBatch) {
    this.#write = write;
  }

  /** Returns at once. Events after `close` are ignored. */
  emit(body: TaskEventBody): void {
    if (this.#closed || this.#failure !== undefined) return;
    if (body.type === "step_output" && this.#waitingChars > MAX_WAITING_CHARS) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(body);
    this.#waitingChars += sizeOf(body);
    this.#writing ??= this.#run();
  }

  /** Resolves when all that came so far is written. @throws what made a write fail for good */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Takes no more, and resolves when all that came is written. @throws what made a write fail for good */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Takes no more, and resolves when all is written but the last batch, which it returns: it goes along with what is
   * written next for the task.
   *
   * @throws what made a write fail for good
   */
  async drain(): Promise<readonly TaskEventBody[]> {
    this.#draining = true;
    await this.close();
    return this.#next();
  }

  async #run(): Promise<void> {
    // What is emitted in the same turn goes into the same batch.
    await Promise.resolve();
    try {
      while (this.#waiting.length > 0 && !(this.#draining && this.#nextCount() === this.#waiting.length)) {
        await this.#write(++this.#batch, this.#next());
      }
    } catch (error) {
      this.#failure = { error };
      this.#waiting = [];
    }
    this.#writing = undefined;
  }

  /** How many of what waits make a batch. */
  #nextCount(): number {
    let chars = 0;
    let count = 0;
    for (const body of this.#waiting) {
      if (count === MAX_BATCH_EVENTS || (count > 0 && chars + sizeOf(body) > MAX_BATCH_CHARS)) break;
      chars += sizeOf(body);
      count += 1;
    }
    return count;
  }

  #next(): TaskEventBody[] {
    const bodies = this.#waiting.splice(0, this.#nextCount());
    for (const body of bodies) this.#waitingChars -= sizeOf(body);
    if (this.#dropped > 0 && this.#waiting.length === 0) {
      bodies.push(droppedWarning(this.#dropped));
      this.#dropped = 0;
    }
    return bodies;
  }
}

const sizeOf = (body: TaskEventBody): number => (body.type === "step_output" ? body.text.length : 1_000);

const droppedWarning = (count: number): TaskEventBody => ({
  type: "warning",
  code: "OUTPUT_DROPPED",
  message: `${count} pieces of output are missing here: they came faster than they could be recorded`,
  remedy: "Make the command write its output to a file below artifacts/.",
});
