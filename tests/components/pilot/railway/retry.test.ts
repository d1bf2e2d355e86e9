import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  delayBeforeRetry,
  type Failure,
  isCloudflareRateLimit,
  parseRetryAfter,
  RETRY_POLICY,
} from "../../../../components/pilot/railway/client/retry.ts";

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const tried = fc.integer({ min: 1, max: RETRY_POLICY.tries - 1 });
const unknown: Failure = { kind: "unknown", why: "ECONNRESET" };
const turnedAway = (retryAfterSeconds?: number): Failure => ({ kind: "turned-away", retryAfterSeconds });

describe("a call that failed", () => {
  it("is not made again when its effect may be there and a second one would make a second thing", () => {
    fc.assert(fc.property(tried, random, (n, r) => delayBeforeRetry(unknown, n, false, r) === undefined));
  });

  it("is made again after at most a doubling time when it is repeatable", () => {
    fc.assert(
      fc.property(tried, random, (n, r) => {
        const delay = delayBeforeRetry(unknown, n, true, r);
        return delay !== undefined && delay >= 0 && delay <= Math.min(30_000, 500 * 2 ** (n - 1));
      }),
    );
  });

  it("is made again when it was turned away, whatever it is, and never before the time that was asked for", () => {
    fc.assert(
      fc.property(tried, random, fc.boolean(), fc.integer({ min: 0, max: 120 }), (n, r, repeatable, seconds) => {
        const delay = delayBeforeRetry(turnedAway(seconds), n, repeatable, r);
        return delay !== undefined && delay >= seconds * 1_000 && delay <= seconds * 1_000 + 500;
      }),
    );
    assert.ok((delayBeforeRetry(turnedAway(), 1, false, 0) ?? 0) > 0, "no time was named: it is waited all the same");
  });

  it("is given up when the server asks for longer than a person would wait", () => {
    assert.equal(delayBeforeRetry(turnedAway(121), 1, true, 0), undefined);
    assert.equal(delayBeforeRetry(turnedAway(86_400), 1, true, 0), undefined);
  });

  it("is given up after the last try", () => {
    for (const failure of [unknown, turnedAway(1)]) {
      assert.equal(delayBeforeRetry(failure, RETRY_POLICY.tries, true, 0.5), undefined);
    }
  });
});

describe("Retry-After", () => {
  const NOW = Date.parse("2026-03-01T10:00:00Z");
  const rows: [string | null, number | undefined][] = [
    [null, undefined],
    ["7", 7],
    [" 0 ", 0],
    ["Sun, 01 Mar 2026 10:00:30 GMT", 30],
    ["Sun, 01 Mar 2026 09:00:00 GMT", 0],
    ["soon", undefined],
    ["-5x", undefined],
  ];
  for (const [header, seconds] of rows) {
    it(`${JSON.stringify(header)} is ${seconds ?? "nothing"}`, () => {
      assert.equal(parseRetryAfter(header, NOW), seconds);
    });
  }
});

describe("Cloudflare's page for a client that is too fast", () => {
  it("is known by its number", () => {
    assert.ok(isCloudflareRateLimit(429, "<title>error code: 1015</title>"));
    assert.ok(isCloudflareRateLimit(403, "<h1>Error 1015</h1>"));
    assert.ok(!isCloudflareRateLimit(403, "error code: 1020"));
    assert.ok(!isCloudflareRateLimit(200, "error code: 1015"));
    assert.ok(!isCloudflareRateLimit(403, "error code: 10150"));
  });
});
