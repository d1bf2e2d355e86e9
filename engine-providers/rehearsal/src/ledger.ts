/** What was done in the pretended clouds, in order: `ledger.jsonl` in the rehearsal's folder. */
import { join } from "node:path";
import { Journal } from "./journal.ts";
import type { Action, FaultKind } from "./settings.ts";

export interface LedgerEntry {
  /** ISO 8601. */
  readonly time: string;
  readonly cloud: string;
  readonly action: Action | "invoke";
  /** Type token; of a function its token. */
  readonly type: string;
  /** The resource's name in the program; empty for a function. */
  readonly name: string;
  readonly urn: string;
  readonly id: string;
  /** Digest of the inputs under the folder's key: equal inputs have equal digests, and nothing can be read from them. */
  readonly inputs: string;
  /** `retried`: not found yet, and asked again. `partial`: made, and failed. `gone`: there was nothing. */
  readonly outcome: "done" | "failed" | "retried" | "partial" | "gone";
  /** What the action needs leave for, in the cloud's words; empty for types that are not modelled. */
  readonly permissions: readonly string[];
  /** The configured fault that struck. */
  readonly fault?: FaultKind;
  readonly error?: string;
}

export function ledgerOf(folder: string): Journal<LedgerEntry> {
  return new Journal(join(folder, "ledger.jsonl"));
}

/** All entries of the rehearsals in this folder, oldest first. @throws JournalDamagedError */
export function readLedger(folder: string): LedgerEntry[] {
  return ledgerOf(folder).follow().entries;
}
