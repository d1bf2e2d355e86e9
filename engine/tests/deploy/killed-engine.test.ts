import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { processesWith, until } from "../support/processes.ts";
import { StackUnderTest } from "./support/stack-under-test.ts";

const RUN = new URL("./support/run-until-killed.ts", import.meta.url).pathname;

describe("an engine that is killed in the middle", { skip: process.platform !== "linux" && "needs /proc" }, () => {
  const stack = new StackUnderTest();
  after(() => stack.remove());

  it(
    "leaves no process behind, and a state that says what had begun; the next run finishes",
    { timeout: 120_000 },
    async () => {
      const gate = join(stack.folder, "gate");
      stack.program(`
      const a = new Thing("a", {});
      const b = new Thing("b", { n: a.twice, waitFor: ${JSON.stringify(gate)} });
      new Thing("c", { n: b.twice });
    `);
      const engine = spawn(process.execPath, [RUN, stack.folder], {
        stdio: ["ignore", "ignore", "inherit"],
        env: { ...process.env, UNDER_TEST: stack.folder },
      });
      await until("the creation has begun", () => existsSync(`${gate}.started`));
      engine.kill("SIGKILL");
      await until("no process is left", async () => (await processesWith(`UNDER_TEST=${stack.folder}`)).length === 0);

      stack.snapshot = JSON.parse(readFileSync(join(stack.folder, "state.json"), "utf8")) as StackUnderTest["snapshot"];
      assert.ok(stack.state("a"));
      assert.equal(stack.state("b"), undefined);
      assert.deepEqual(
        stack.snapshot.pendingOperations.map(({ type, resource }) => [type, resource.urn.split("::").at(-1)]),
        [["creating", "b"]],
      );

      stack.program(
        `const a = new Thing("a", {}); const b = new Thing("b", { n: a.twice }); new Thing("c", { n: b.twice });`,
      );
      const outcome = await stack.up();
      assert.equal(outcome.ok, true);
      assert.deepEqual(outcome.ledger, ["create b", "create c"]);
    },
  );
});
