import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { describeRows } from "./support/rows.ts";
import type { Row } from "./support/rows.ts";
import { StackUnderTest } from "./support/stack-under-test.ts";

const rows: Row[] = [
  [
    "a failure keeps what was made, begins nothing that needs it, and the next run finishes",
    [
      {
        program: `const a = new Thing("a", {}); const b = new Thing("b", { n: a.twice, fail: "quota" }); new Thing("c", { n: b.twice });`,
        errors: /create refused: quota[^]*update failed/,
        ledger: ["create a"],
        check: (_outcome, stack) => assert.ok(stack.state("a")),
      },
      {
        program: `const a = new Thing("a", {}); const b = new Thing("b", { n: a.twice }); new Thing("c", { n: b.twice });`,
        ledger: ["create b", "create c"],
      },
    ],
  ],
  [
    "a program that throws keeps its resources and its former outputs",
    [
      { program: `new Thing("a", {}); exports.x = 1;` },
      {
        program: `new Thing("a", {}); new Thing("b", {}); throw new Error("top level");`,
        errors: /top level/,
        ledger: ["create b"],
        check: (_outcome, stack) => assert.deepEqual(stack.state("test-dev")?.outputs, { x: 1 }),
      },
    ],
  ],
  [
    "an error in an apply is the program's",
    [{ program: `new Thing("a", {}).twice.apply(() => { throw new Error("in an apply"); });`, errors: /in an apply/ }],
  ],
  [
    "a program that exits with a code of its own says so",
    [{ program: `process.exit(7);`, errors: /Program exited with non-zero exit code: 7/ }],
  ],
  [
    "a provider that dies fails its resource, and the state keeps the others",
    [
      {
        program: `const a = new Thing("a", {}); new Thing("b", { n: a.twice, dieAt: "create" });`,
        errors: /./,
        check: (_outcome, stack) => {
          assert.ok(stack.state("a"));
          assert.equal(stack.state("b"), undefined);
        },
      },
    ],
  ],
  [
    "a plugin that is not there is named, with the way out",
    [
      {
        program: `new pulumi.CustomResource("nowhere:index:Thing", "x", {});`,
        errors: /no resource plugin nowhere was found[^]*put pulumi-resource-nowhere on PATH/,
      },
    ],
  ],
  [
    "a delete that fails leaves what it needs alone",
    [
      { program: `const a = new Thing("a", {}); new Thing("b", { n: a.twice, undeletable: true });` },
      {
        run: "destroy",
        errors: /delete refused/,
        ledger: ["delete b"],
        check: (_outcome, stack) => assert.ok(stack.state("a")),
      },
    ],
  ],
  [
    "what the SDK can ask and the engine cannot is named",
    [
      {
        program: `class X extends pulumi.ComponentResource {} new X("x:y:Z", "x", {}, { stateMigrations: [(s) => s] });`,
        errors: /does not support state migrations/,
      },
    ],
  ],
  [
    "interrupted operations are told, and creates kept in mind",
    [
      {
        program: ``,
        check: (_outcome, stack) =>
          stack.snapshot.pendingOperations.push(
            { type: "creating", resource: { urn: "urn:pulumi:dev::test::x:y:Z::lost", custom: true, type: "x:y:Z" } },
            { type: "updating", resource: { urn: "urn:pulumi:dev::test::x:y:Z::other", custom: true, type: "x:y:Z" } },
          ),
      },
      {
        check: ({ events }, stack) => {
          const warning = events.find((event) => JSON.stringify(event).includes("interrupted while creating"));
          assert.ok(warning);
          assert.deepEqual(
            stack.snapshot.pendingOperations.map(({ type }) => type),
            ["creating"],
          );
        },
      },
    ],
  ],
];

describeRows("failures", rows);

describe("an operation that is cancelled", () => {
  const stack = new StackUnderTest();
  after(() => stack.remove());

  it("finishes what runs, begins nothing more, and ends a program that never would", async () => {
    const gate = join(stack.folder, "gate");
    const cancel = new AbortController();
    stack.program(`
      const a = new Thing("a", { waitFor: ${JSON.stringify(gate)} });
      new Thing("b", { n: a.twice });
      setInterval(() => {}, 1000);
    `);
    const running = stack.up({
      signal: cancel.signal,
      checkpoint: async (snapshot) => {
        const creating = snapshot.pendingOperations.some(({ resource }) => resource.urn.endsWith("::a"));
        if (creating && !cancel.signal.aborted) {
          cancel.abort();
          writeFileSync(gate, "");
        }
      },
    });
    const outcome = await running;
    assert.equal(outcome.ok, false);
    assert.equal(outcome.cancelled, true);
    assert.match(outcome.errors.join("\n"), /update canceled/);
    assert.deepEqual(outcome.ledger, ["create a"]);
    assert.ok(stack.state("a"));
    assert.equal(stack.state("b"), undefined);
    assert.ok(existsSync(gate));
  });
});

describe("a program that is not there", () => {
  const stack = new StackUnderTest();
  after(() => stack.remove());

  it("is named", async () => {
    await assert.rejects(
      stack.up({ program: join(stack.folder, "nowhere.js") }),
      /there is no program at .*nowhere\.js/,
    );
  });
});

describe("a state that cannot be written", () => {
  const stack = new StackUnderTest();
  after(() => stack.remove());

  it("stops the operation with what writing said", async () => {
    stack.program(`new Thing("a", {});`);
    await assert.rejects(stack.up({ checkpoint: () => Promise.reject(new Error("no space left")) }), /no space left/);
  });
});
