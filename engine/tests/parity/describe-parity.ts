/** Compares the embedded engine with what Pulumi's own answered to the same commands (golden.json). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { cases, runCase, type Entry } from "./run-case.ts";

const golden = JSON.parse(readFileSync(new URL("golden.json", import.meta.url), "utf8")) as Readonly<
  Record<string, readonly Entry[]>
>;

/** Elsewhere independent resources run side by side, and Pulumi promises no order. */
const ordered = new Set(["order", "removed", "component", "replace"]);

/** One test for each case of a share: shares are files, which run beside each other. */
export function describeParity(share: number, shares: number): void {
  describe(`parity with Pulumi 3.260, share ${share} of ${shares}`, () => {
    const names = Object.keys(cases).filter((_, index) => index % shares === share - 1);
    for (const name of names) {
      it(name, async () => {
        const ours = await runCase(name);
        const theirs = golden[name] ?? [];
        assert.equal(ours.length, theirs.length);
        theirs.forEach((entry, index) => {
          const own = ours[index];
          assert.ok(own);
          assert.deepEqual(comparable(name, own), comparable(name, entry), `${name}: ${entry.line}`);
        });
      });
    }
  });
}

function comparable(name: string, entry: Entry): unknown {
  // without the fields that are undefined
  return JSON.parse(
    JSON.stringify({
      line: entry.line,
      code: entry.code,
      steps: entry.steps,
      changes: entry.changes,
      // texts are not promised; that there is an error is
      failed: entry.errors && entry.errors.length > 0,
      ledger: entry.ledger && (ordered.has(name) ? entry.ledger : [...entry.ledger].sort()),
      state: entry.state,
      stdout: entry.stdout && structured(entry.stdout),
      world: entry.world,
    }),
  );
}

/** Only what programs read is compared; what people read may be said in other words. */
function structured(text: string): unknown {
  return text.startsWith("{") ? (JSON.parse(text) as unknown) : undefined;
}
