import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CronExpression, TimeZone } from "../../../../contracts/schedule.ts";
import { CronTimes } from "../../../../services/runner/schedules/cron.ts";
import { hasCode } from "../../../contract/task-runner/harness.ts";

const BERLIN = "Europe/Berlin";
const at = (instant: string): Date => new Date(instant);

/** The first `count` times after an instant. */
function timesOf(cron: string, timeZone: string, from: string, count: number): string[] {
  const times = new CronTimes(CronExpression.parse(cron), TimeZone.parse(timeZone));
  const found: string[] = [];
  for (let last: Date | null = at(from); last !== null && found.length < count;) {
    last = times.after(last);
    if (last !== null) found.push(last.toISOString().replace(":00.000Z", "Z"));
  }
  return found;
}

describe("times of a cron expression", () => {
  it("are those of the time zone, and either day is enough", () => {
    const weekdays = ["2026-01-02T05:00Z", "2026-01-05T05:00Z", "2026-01-06T05:00Z"];
    assert.deepEqual(timesOf("0 6 * * MON-FRI", BERLIN, "2026-01-01T12:00:00Z", 3), weekdays);
    const fridays = ["2026-02-06T00:00Z", "2026-02-13T00:00Z", "2026-02-20T00:00Z"];
    assert.deepEqual(timesOf("0 0 13 * 5", "UTC", "2026-02-01T00:00:00Z", 3), fridays);
    assert.deepEqual(timesOf("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 1), ["2028-02-29T00:00Z"]);
  });

  it("of the day come right after a gap in the clock, and once where the clock is set back", () => {
    // 29 March 2026: 2:00 becomes 3:00. 25 October 2026: 3:00 becomes 2:00.
    const gap = ["2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"];
    assert.deepEqual(timesOf("30 2 * * *", BERLIN, "2026-03-28T00:00:00Z", 3), gap);
    const repeat = ["2026-10-24T00:30Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"];
    assert.deepEqual(timesOf("30 2 * * *", BERLIN, "2026-10-24T00:00:00Z", 3), repeat);
  });

  it("in steps follow the clock that runs on", () => {
    for (const [from, first] of [
      ["2026-03-29T00:10:00Z", "2026-03-29T00:30Z"],
      ["2026-10-25T00:10:00Z", "2026-10-25T00:30Z"],
    ] as const) {
      const times = timesOf("*/30 * * * *", BERLIN, from, 8);
      assert.equal(times[0], first);
      const steps = times.slice(1).map((time, index) => Date.parse(time) - Date.parse(times[index] ?? ""));
      assert.deepEqual(new Set(steps), new Set([1_800_000]));
    }
  });

  it("that were missed are counted, and the last of them is found", () => {
    const hourly = new CronTimes("0 * * * *", "UTC");
    const first = at("2026-01-01T00:00:00Z");
    const seen = (now: string) => hourly.lastUntil(at(now), first);
    assert.deepEqual(seen("2026-01-01T00:00:00.000Z"), { last: first, before: 0 });
    assert.deepEqual(seen("2026-01-01T00:59:59.999Z"), { last: first, before: 0 });
    assert.deepEqual(seen("2026-01-01T05:00:00.000Z"), { last: at("2026-01-01T05:00:00Z"), before: 5 });
    assert.equal(seen("2027-01-01T00:30:00.000Z").before, 1_000);
    // Across a gap: the time that was put off is the last.
    const daily = new CronTimes("30 2 * * *", BERLIN);
    const { last, before } = daily.lastUntil(at("2026-03-29T12:00:00Z"), at("2026-03-27T01:30:00Z"));
    assert.deepEqual([last.toISOString(), before], ["2026-03-29T01:00:00.000Z", 2]);
  });

  it("never lie after the moment that is asked about, nor before the first", () => {
    const expressions = ["* * * * *", "*/7 3-5 * * *", "30 2 * * *", "0 0 1 * *", "15 1 * * SUN"];
    const zones = [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"];
    const start = Date.UTC(2026, 0, 1);
    fc.assert(
      fc.property(
        fc.constantFrom(...expressions),
        fc.constantFrom(...zones),
        fc.nat(366 * 86_400_000),
        fc.nat(3 * 86_400_000),
        (cron, zone, offset, laterMs) => {
          const times = new CronTimes(cron, zone);
          const first = times.after(new Date(start + offset));
          assert.ok(first !== null);
          const now = new Date(first.getTime() + laterMs);
          const { last } = times.lastUntil(now, first);
          const next = times.after(last);
          assert.ok(
            first <= last && last <= now && next !== null && next > now,
            `${cron} ${zone} ${now.toISOString()}`,
          );
        },
      ),
      { numRuns: 100 },
    );
  });

  it("are refused where they cannot be read, never come, or come every second", () => {
    for (const cron of ["* * * * * *", "@daily", "0 6 * *", "0  6 * * *", "? * * * *", " 0 6 * * *", ""]) {
      assert.equal(CronExpression.safeParse(cron).success, false, cron);
    }
    for (const cron of ["61 * * * *", "0 25 * * *", "0 0 30 2 *", "x y z a b", "0 0 * * MON-"]) {
      assert.throws(() => new CronTimes(CronExpression.parse(cron), "UTC"), hasCode("INVALID_CRON"), cron);
    }
    for (const zone of ["Nowhere/At", "", "+02:00", "../etc/passwd", "Europe/Berlin "]) {
      assert.equal(TimeZone.safeParse(zone).success, false, zone);
    }
  });
});
