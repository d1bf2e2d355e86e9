import { setTimeout as delay } from "node:timers/promises";
import { isTransient } from "../runtime/database.ts";
import { EventFeed, type EventPage, type Numbered } from "./event-feed.ts";
import type { FollowOptions } from "./task-runner.ts";
import { isAborted, Watchers } from "./watchers.ts";

const RETRY_MS = 250;
/** Who has more than this before him is told so. */
const BEHIND_EVENTS = 1_000;

export interface SharedFeedsDeps<Event extends Numbered> {
  /** The events of `id` behind number `after`, a page of them. */
  readonly read: (id: string, after: number) => Promise<EventPage<Event>>;
  readonly isLast: (event: Event) => boolean;
  /** How long a follower trusts that nothing came when no notification did. */
  readonly recheckMs: number;
  /** Before a follower's first look. @default nothing */
  readonly onFollowed?: (id: string) => Promise<void>;
  /** Nobody follows it any more. @default nothing */
  readonly onLeft?: (id: string) => void;
}

/** Who follows what here: all who follow the same share one feed, for as long as somebody does. */
export class SharedFeeds<Event extends Numbered> {
  readonly #deps: SharedFeedsDeps<Event>;
  readonly #followers = new Watchers();
  /** Of what is followed, with how many follow. */
  readonly #feeds = new Map<string, { readonly feed: EventFeed<Event>; followers: number }>();

  constructor(deps: SharedFeedsDeps<Event>) {
    this.#deps = deps;
  }

  wake(id: string): void {
    this.#followers.wake(id);
  }

  wakeAll(): void {
    this.#followers.wakeAll();
  }

  /**
   * Replays the events after number `after`, then follows live, and ends after the last. A server that is away for a
   * while is waited for. Ends early when `signal` fires.
   *
   * @throws as `read` and `onFollowed` do
   */
  async *follow(id: string, { after = 0, signal, onBehind }: FollowOptions): AsyncGenerator<Event> {
    const watch = this.#followers.watch(id, signal);
    const feed = this.#open(id);
    try {
      await retryTransient(async () => this.#deps.onFollowed?.(id), signal);
      for (let last = after; signal?.aborted !== true;) {
        watch.reset();
        const { events, ended, newest } = await retryTransient(() => feed.next(last), signal);
        for (const event of events) {
          yield event;
          if (this.#deps.isLast(event) || isAborted(signal)) return;
          last = event.sequence;
        }
        if (ended) return;
        if (newest - last > BEHIND_EVENTS) onBehind?.({ events: newest - last, newest });
        if (events.length === 0) await watch.wait(this.#deps.recheckMs);
      }
    } catch (error) {
      if (!isAborted(signal)) throw error;
    } finally {
      watch.end();
      this.#close(id);
    }
  }

  #open(id: string): EventFeed<Event> {
    const open = this.#feeds.get(id) ?? { feed: new EventFeed((after) => this.#deps.read(id, after)), followers: 0 };
    open.followers += 1;
    this.#feeds.set(id, open);
    return open.feed;
  }

  #close(id: string): void {
    const open = this.#feeds.get(id);
    if (open === undefined || --open.followers > 0) return;
    this.#feeds.delete(id);
    this.#deps.onLeft?.(id);
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
