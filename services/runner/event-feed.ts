import { setTimeout as delay } from "node:timers/promises";
import type { TaskEvent } from "../../contracts/task-event.ts";

export interface Numbered {
  readonly sequence: number;
}

/** Events that follow one another: of a task, or of whatever else numbers its events. */
export interface EventPage<Event extends Numbered = TaskEvent> {
  readonly events: readonly Event[];
  /** Of their bodies. */
  readonly bytes: number;
  /** Nothing follows, now or ever. Only where there are no events. */
  readonly ended: boolean;
  /** The number of the newest event. */
  readonly newest: number;
}

/** What is kept for followers that are a little behind; who is further behind reads the record for himself. */
const KEPT_EVENTS = 1_000;
const KEPT_BYTES = 2_097_152;
/** A task that says much is read so often at most; its followers get more at once instead. */
const READ_EVERY_MS = 20;

/** The events of one task on their way to all who follow it here: each is read once for all who are up to date. */
export class EventFeed<Event extends Numbered = TaskEvent> {
  readonly #read: (after: number) => Promise<EventPage<Event>>;
  #pages: EventPage<Event>[] = [];
  /** The last event that was read for all. */
  #last: number | undefined;
  #reading: Promise<EventPage<Event>> | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(read: (after: number) => Promise<EventPage<Event>>) {
    this.#read = read;
  }

  /** The events behind number `after` that are there now. @throws as the record does */
  async next(after: number): Promise<EventPage<Event>> {
    this.#last ??= after;
    if (after === this.#last) {
      this.#reading ??= this.#readOn(after).finally(() => (this.#reading = undefined));
      return this.#reading;
    }
    const kept = this.#kept(after);
    if (kept !== undefined) return kept;
    const page = await this.#read(after);
    // From where the first is that is ahead of the others, the rest is read for all.
    if (after > this.#last && after <= page.newest) {
      this.#pages = [];
      this.#keep(page, after);
    }
    return page;
  }

  async #readOn(after: number): Promise<EventPage<Event>> {
    const waitMs = this.#readAt + READ_EVERY_MS - performance.now();
    if (waitMs > 0) await delay(waitMs);
    this.#readAt = performance.now();
    const page = await this.#read(after);
    if (this.#last === after) this.#keep(page, after);
    return page;
  }

  #keep(page: EventPage<Event>, after: number): void {
    this.#last = page.events.at(-1)?.sequence ?? after;
    if (page.events.length === 0) return;
    this.#pages.push(page);
    const sum = (of: (page: EventPage<Event>) => number): number =>
      this.#pages.reduce((total, each) => total + of(each), 0);
    while (
      this.#pages.length > 1 &&
      (sum(({ events }) => events.length) > KEPT_EVENTS || sum(({ bytes }) => bytes) > KEPT_BYTES)
    ) {
      this.#pages.shift();
    }
  }

  #kept(after: number): EventPage<Event> | undefined {
    for (const page of this.#pages) {
      const first = page.events[0]?.sequence ?? 0;
      const last = page.events.at(-1)?.sequence ?? 0;
      if (after >= first - 1 && after < last) return { ...page, events: page.events.slice(after - first + 1) };
    }
    return undefined;
  }
}
