/** A test for each row and engine; where Pulumi's own is there, both must leave the same state. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { embedded, pulumi } from "./engines.ts";
import type { Rows } from "./row.ts";
import { runRow } from "./run-row.ts";

/** Rows that run at the same time: each waits for processes most of its time. */
const concurrency = 2;

export function describeRows(concept: string, rows: Rows): void {
  describe(concept, { concurrency }, () => {
    for (const [behaviour, row] of Object.entries(rows)) {
      it(behaviour, async () => {
        const states = await runRow(embedded, row);
        if (pulumi === undefined) return;
        assert.deepEqual(states, await runRow(pulumi, row), `${pulumi.name} leaves another state`);
      });
    }
  });
}
