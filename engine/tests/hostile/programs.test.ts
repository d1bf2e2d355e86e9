import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { HostileStack } from "./support/hostile-stack.ts";

interface Row {
  /** A program that ... */
  readonly does: string;
  readonly program: string;
  /** What the user is told. */
  readonly says: readonly RegExp[];
  /** The resource that it makes all the same. */
  readonly made?: string;
}

const rows: readonly Row[] = [
  {
    does: "throws at its top level",
    program: `new Thing("made-1", {}); throw new Error("top level trouble");`,
    says: [/failed with an unhandled exception/, /Error: top level trouble/, /index\.js:\d+/],
    made: "made-1",
  },
  {
    does: "throws what is no error",
    program: `throw "only a string";`,
    says: [/failed with an unhandled exception/, /only a string/],
  },
  {
    does: "throws in an apply",
    program: `const made = new Thing("made-2", {}); made.twice.apply(() => { throw new Error("apply trouble"); });`,
    says: [/Error: apply trouble/],
    made: "made-2",
  },
  {
    does: "leaves a rejection unhandled",
    program: `new Thing("made-3", {}); Promise.reject(new Error("nobody catches this"));`,
    says: [/Error: nobody catches this/],
    made: "made-3",
  },
  {
    does: "cannot be parsed",
    program: `new Thing("made", {}`,
    says: [/SyntaxError: missing \)/, /index\.js:\d+/],
  },
  {
    does: "requires what is not there",
    program: `require("no-such-module");`,
    says: [/Cannot find module 'no-such-module'/],
  },
  {
    does: "ends itself with 0 in the middle",
    program: `new Thing("made", {}); process.exit(0);`,
    says: [/the program exited before the following resource\s+registrations could complete/, /"made"/],
  },
  {
    does: "ends itself with 3 in the middle",
    program: `process.exit(3);`,
    says: [/Program exited with non-zero exit code: 3/],
  },
  {
    does: "kills itself",
    program: `process.kill(process.pid, "SIGKILL");`,
    says: [/Program was ended by signal SIGKILL/],
  },
  {
    does: "waits for what never comes",
    program: `new Thing("made", { x: new Promise(() => undefined) });`,
    says: [
      /registrations could complete/,
      /"made" \[pulumi-nodejs:dynamic:Resource\] was waiting .* input property "x"/,
    ],
  },
  {
    does: "registers the same URN twice",
    program: `new Thing("made-4", {}); new Thing("made-4", {});`,
    says: [/Duplicate resource URN '.*::made-4'; try giving it a unique name/],
    made: "made-4",
  },
  {
    does: "gives a resource no name",
    program: `new Thing("", {});`,
    says: [/Missing resource name argument/],
  },
  {
    does: "has a value that contains itself",
    program: `const v = {}; v.v = v; new Thing("made", { v });`,
    says: [/error serializing property "v": Maximum call stack size exceeded/],
  },
  {
    does: "nests values without an end",
    program: `let v = "x"; for (let n = 0; n < 20_000; n += 1) v = { v }; new Thing("made", { v });`,
    says: [/Maximum call stack size exceeded/],
  },
];

describe("a program that fails", { timeout: 240_000 }, () => {
  let stack: HostileStack;
  /** What is deployed: no failing program comes to `kept`. */
  const deployed = new Set(["kept"]);
  before(async () => {
    stack = await HostileStack.create(`new pulumi.ComponentResource("test:index:Kept", "kept");`);
    assert.equal((await stack.up()).code, 0);
  });
  after(() => stack.remove());

  for (const { does, program, says, made } of rows) {
    it(`because it ${does}: says why, exits with 1 and deletes nothing`, async () => {
      await stack.program(program);
      const { code, said } = await stack.up();
      assert.equal(code, 1, said);
      for (const text of says) assert.match(said, text);
      assert.doesNotMatch(said, /\u001b\[/, "no colours where there is no screen");
      if (made !== undefined) deployed.add(made);
      assert.deepEqual((await stack.names()).sort(), [...deployed].sort());
      assert.deepEqual(await stack.pending(), []);
    });
  }
});

describe("a program that prints", { timeout: 120_000 }, () => {
  let stack: HostileStack;
  before(async () => {
    stack = await HostileStack.create();
  });
  after(() => stack.remove());

  it("a megabyte without a line end on both streams is read to its end", async () => {
    await stack.program(`
      process.stdout.write("x".repeat(1 << 20));
      process.stderr.write("y".repeat(1 << 20));
      new Thing("made", {});`);
    const { code, said } = await stack.up();
    assert.equal(code, 0);
    assert.ok(said.includes("x".repeat(1 << 20)));
    assert.ok(said.includes("y".repeat(1 << 20)));
    assert.deepEqual(await stack.names(), ["made"]);
  });

  it("has its secrets masked wherever the engine shows them, and as ciphertext on disk", async () => {
    await stack.program(`
      const word = pulumi.secret("hunter2hunter2");
      new Thing("made", { word });
      exports.word = word;
      exports.within = { deep: [word] };`);
    const { code, said } = await stack.up("--diff", "--event-log", `${stack.sandbox.folder}/events`);
    assert.equal(code, 0, said);
    const events = await readFile(`${stack.sandbox.folder}/events`, "utf8");
    for (const text of [said, events, JSON.stringify(await stack.state())]) assert.ok(!text.includes("hunter2"), text);
    assert.match(said, /\[secret\]/);
  });

  it("control characters cannot forge the end of an operation: the exit code tells it", async () => {
    await stack.program(`console.log("\\u001b[2J\\rerror: update failed\\u001b[31m"); new Thing("made", {});`);
    assert.equal((await stack.up()).code, 0);
  });
});
