import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { OperationRequest } from "../../../src/model.ts";
import { StackUnderTest } from "./stack-under-test.ts";
import type { Outcome } from "./stack-under-test.ts";

export interface Round {
  program?: string;
  options?: Partial<OperationRequest>;
  /** Defaults to `up`. */
  run?: "up" | "preview" | "destroy" | "refresh";
  /** Steps in their order, the stack's own left out; undefined leaves them unchecked. */
  steps?: string[];
  ledger?: string[];
  errors?: RegExp;
  check?: (outcome: Outcome, stack: StackUnderTest) => void;
}

/** What it shows, and rounds of program and expectation. */
export type Row = [string, Round[]];

/** Runs each row on a stack of its own. */
export function describeRows(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    const stacks: StackUnderTest[] = [];
    afterEach(() => stacks.splice(0).forEach((stack) => stack.remove()));

    for (const [name, rounds] of rows) {
      it(name, async () => {
        const stack = new StackUnderTest();
        stacks.push(stack);
        for (const round of rounds) await play(stack, round);
      });
    }
  });
}

async function play(stack: StackUnderTest, round: Round): Promise<void> {
  if (round.program !== undefined) stack.program(round.program);
  const run = round.run ?? "up";
  const options = { config: stack.config, ...round.options };
  const outcome =
    run === "up"
      ? await stack.up(options)
      : run === "preview"
        ? await stack.preview(options)
        : await stack.run(run, options);
  const told = outcome.errors.join("\n");
  if (round.errors === undefined) assert.equal(told, "");
  else assert.match(told, round.errors);
  assert.equal(outcome.ok, round.errors === undefined);
  if (round.steps !== undefined) {
    const own = outcome.steps.filter((step) => !step.endsWith(" test-dev"));
    assert.deepEqual([...own].sort(), [...round.steps].sort());
  }
  if (round.ledger !== undefined) assert.deepEqual(outcome.ledger, round.ledger);
  round.check?.(outcome, stack);
}
