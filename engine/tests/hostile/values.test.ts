import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HostileStack } from "./support/hostile-stack.ts";

interface Row {
  readonly has: string;
  readonly program: string;
  readonly names: readonly string[];
  /** `pulumi stack output --json` */
  readonly outputs?: Readonly<Record<string, unknown>>;
}

const long = "n".repeat(10_000);
const rows: readonly Row[] = [
  {
    has: "names that look like parts of a URN, of a prototype or of a path",
    program: `for (const name of ["a::b", "a$b", "__proto__", "constructor", "..", "/etc", "{}"]) new Thing(name, {});`,
    names: ["a::b", "a$b", "__proto__", "constructor", "..", "/etc", "{}"],
  },
  {
    has: "names in any writing, with line ends, and of 10,000 characters",
    program: `for (const name of ["ünï ☃ 𝒳", "two\\nlines", "\\u202eright", ${JSON.stringify(long)}]) new Thing(name, {});`,
    names: ["ünï ☃ 𝒳", "two\nlines", "\u202eright", long],
  },
  {
    has: "properties and outputs that are called as what every object has",
    program: `
      new Thing("a", { constructor: 1, toString: "x", map: { valueOf: [2], hasOwnProperty: 3 }, "a.b": 3, "a[0]": 4, "": 5 });
      exports.constructor = 1;
      exports.valueOf = { toString: "v" };`,
    names: ["a"],
    outputs: { constructor: 1, valueOf: { toString: "v" } },
  },
  {
    has: "10,000 outputs",
    program: `for (let n = 0; n < 10_000; n += 1) exports["o" + n] = n;`,
    names: [],
    outputs: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`o${n}`, n])),
  },
  {
    has: "a value that nests 100 deep",
    program: `let v = "x"; for (let n = 0; n < 100; n += 1) v = n % 2 ? [v] : { v }; new Thing("a", { v });`,
    names: ["a"],
  },
  {
    has: "a text of a megabyte, and empty ones",
    program: `new Thing("a", { text: "t".repeat(1_000_000), none: "", list: [], map: {}, nothing: null });`,
    names: ["a"],
  },
];

describe("a program with odd values", { concurrency: 2, timeout: 240_000 }, () => {
  for (const { has, program, names, outputs } of rows) {
    it(`${has}: made, seen as unchanged, refreshed and destroyed`, async () => {
      const stack = await HostileStack.create(program);
      try {
        const up = await stack.up("--suppress-outputs");
        assert.equal(up.code, 0, up.said);
        assert.deepEqual((await stack.names()).sort(), [...names].sort());
        if (outputs !== undefined)
          assert.deepEqual(JSON.parse(await stack.sandbox.succeed("stack output --json")), outputs);
        const again = await stack.run("preview", "--expect-no-changes", "--suppress-outputs");
        assert.equal(again.code, 0, again.said);
        const destroyed = await stack.run("destroy", "--yes", "--refresh", "--suppress-outputs");
        assert.equal(destroyed.code, 0, destroyed.said);
        assert.deepEqual(await stack.names(), []);
        assert.equal((await stack.ledger()).filter((line) => line.startsWith("delete ")).length > 0, names.length > 0);
      } finally {
        await stack.remove();
      }
    });
  }

  it("numbers that JSON has no words for come back from the state as they were", async () => {
    const stack = await HostileStack.create(`
      exports.numbers = [NaN, Infinity, -Infinity, 5e-324, 2 ** 53 - 1];
      const old = new pulumi.StackReference("organization/sample/dev").getOutput("numbers");
      exports.same = old.apply((n) => n === undefined || (Object.is(n[0], NaN) && n[1] === Infinity && n[2] === -Infinity));`);
    try {
      for (let round = 0; round < 2; round += 1) {
        const up = await stack.up();
        assert.equal(up.code, 0, up.said);
        assert.equal(await stack.sandbox.succeed("stack output same"), "true\n");
      }
    } finally {
      await stack.remove();
    }
  });

  it("values that nest deeper than can be read are refused, and the state stays whole", async () => {
    const stack = await HostileStack.create(
      `let v = "x"; for (let n = 0; n < 1_000; n += 1) v = { v }; exports.v = v;`,
    );
    try {
      const up = await stack.up();
      assert.equal(up.code, 1, up.said);
      assert.match(up.said, /error: /);
      await stack.program("exports.v = 1;");
      assert.equal((await stack.up()).code, 0);
    } finally {
      await stack.remove();
    }
  });
});

describe("configuration with odd keys and values", { timeout: 120_000 }, () => {
  it("reaches the program as it was set", async () => {
    const stack = await HostileStack.create(`
      const all = new pulumi.Config("odd");
      exports.got = ["constructor", "__proto__", "toString", "Ünï", "a.b"].map((key) => all.get(key));`);
    try {
      for (const [key, value] of [
        ["odd:constructor", "-dash"],
        ["odd:__proto__", "{}"],
        ["odd:toString", "two\nlines: [not yaml"],
        ["odd:Ünï", "☃ 𝒳"],
        ["odd:a.b", ""],
      ] as const)
        await stack.sandbox.succeed(["config", "set", key], value);
      const up = await stack.up();
      assert.equal(up.code, 0, up.said);
      assert.deepEqual(JSON.parse(await stack.sandbox.succeed("stack output got --json")), [
        "-dash",
        "{}",
        "two\nlines: [not yaml",
        "☃ 𝒳",
        "",
      ]);
      for (const key of ["", ":", "odd:", "a:b:c:d"]) {
        const { code, said } = await stack.run("config", "set", key, "value");
        assert.notEqual(code, 0, `${key}: ${said}`);
        assert.match(said, /error: /);
      }
    } finally {
      await stack.remove();
    }
  });
});
