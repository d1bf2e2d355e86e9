import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ended } from "../support/pulumi.ts";
import { allGone } from "../support/processes.ts";
import { untilSaid } from "../support/until-said.ts";
import { HostileStack } from "./support/hostile-stack.ts";

/** Programs that say "at it" when they are there where they stay. */
const endless: Readonly<Record<string, string>> = {
  "waits for ever": `console.log("at it"); setInterval(() => undefined, 1_000);`,
  "is busy for ever": `console.log("at it"); for (;;);`,
  "does not listen to signals": `
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => undefined);
    console.log("at it");
    setInterval(() => undefined, 1_000);`,
};

describe("a program that never ends", { timeout: 240_000 }, () => {
  for (const [does, program] of Object.entries(endless)) {
    for (const times of ["once", "twice"] as const) {
      it(`because it ${does} ends with Ctrl-C ${times}: exit code 8, no lock, no process of the engine`, async () => {
        const stack = await HostileStack.create(`new Thing("made", {}); ${program}`);
        try {
          const child = stack.sandbox.start(["up", "--yes", "--skip-preview"]);
          const done = ended(child);
          await untilSaid(child, "at it");
          child.kill("SIGINT");
          if (times === "twice") {
            await untilSaid(child, "^C received");
            child.kill("SIGINT");
          }
          const { code, stderr } = await done;
          assert.equal(code, 8, stderr);
          assert.match(stderr, /\^C received/);
          assert.deepEqual(await stack.locks(), []);
          await stack.state();
          await allGone(stack.sandbox);
        } finally {
          await stack.remove();
        }
      });
    }
  }
});
