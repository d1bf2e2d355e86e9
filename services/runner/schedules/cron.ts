import { Cron } from "croner";
import { InvalidCronError } from "./errors.ts";

/** More missed times than this are not counted. */
const MAX_COUNTED = 1_000;

/**
 * The times of a cron expression in a time zone. As Vixie's cron does it: a time of the day in the gap of a change of
 * the clocks comes right after it, one that comes twice counts once; `*` and steps follow the clock that runs on.
 */
export class CronTimes {
  readonly #cron: Cron;

  /** @throws InvalidCronError when it cannot be read, or never comes. */
  constructor(expression: string, timeZone: string) {
    try {
      this.#cron = new Cron(expression, { timezone: timeZone, mode: "5-part" });
    } catch (error) {
      throw new InvalidCronError(expression, (error as Error).message, error);
    }
    if (this.#cron.nextRun(new Date(0)) === null) throw new InvalidCronError(expression, "it never comes");
  }

  /** The first time after `moment`; null where none is left. */
  after(moment: Date): Date | null {
    return this.#cron.nextRun(moment);
  }

  /** The last time that is not after `moment`, and how many from `first` on come before it (1,000 at most). */
  lastUntil(moment: Date, first: Date): { readonly last: Date; readonly before: number } {
    // A time in the same second as the reference counts only before it.
    const reference = new Date(Math.floor(moment.getTime() / 1_000) * 1_000 + 1);
    const [last = first] = this.#cron.previousRuns(1, reference);
    if (last <= first) return { last: first, before: 0 };
    const before = this.#cron.nextRuns(MAX_COUNTED, new Date(first.getTime() - 1_000)).filter((time) => time < last);
    return { last, before: before.length };
  }
}
