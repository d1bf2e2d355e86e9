import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ExcerptReader } from "../../../../services/sandbox/tools/excerpts.ts";

/** A line as `git grep -n --column -z` prints it. */
interface Printed {
  readonly path: string;
  readonly line: number;
  readonly column: number | undefined;
  readonly text: string;
}

const print = ({ path, line, column, text }: Printed): string =>
  `${path}\0${line}\0${column === undefined ? "" : `${column}\0`}${text}\n`;

const printed: fc.Arbitrary<Printed> = fc.record({
  path: fc
    .oneof(fc.constantFrom("a.ts", "b/c.py", "odd\nname", "x:1:2"), fc.string({ minLength: 1, maxLength: 20 }))
    .map((path) => path.replaceAll("\0", "").replace(/^(--\n)+/, "") || "a"),
  line: fc.integer({ min: 1, max: 50 }),
  column: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  text: fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/[\0\n]/g, "")),
});

function read(output: string, cuts: readonly number[], maxMatches = 1_000, maxBytes = 1_000_000) {
  const reader = new ExcerptReader({ maxMatches, maxBytes });
  const places = [...new Set(cuts.map((cut) => cut % (output.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const place of [...places, output.length]) {
    reader.push(output.slice(from, place));
    from = place;
  }
  return reader.end();
}

const matchesOf = ({ excerpts }: ReturnType<typeof read>): number =>
  excerpts.reduce((sum, { matchingLines }) => sum + matchingLines.length, 0);

describe("excerpts of what a search prints", () => {
  it("are the same however the output is cut into pieces", () => {
    fc.assert(
      fc.property(fc.array(printed, { maxLength: 30 }), fc.array(fc.nat(2_000), { maxLength: 20 }), (lines, cuts) => {
        const output = lines.map(print).join("--\n");
        assert.deepEqual(read(output, cuts), read(output, []));
      }),
      { numRuns: 500 },
    );
  });

  it("hold every match, with its path, line and text", () => {
    fc.assert(
      fc.property(fc.array(printed, { maxLength: 30 }), (lines) => {
        const found = read(lines.map(print).join(""), []);
        const matches = lines.filter(({ column }) => column !== undefined);
        assert.equal(matchesOf(found), matches.length);
        for (const { path, line, text } of matches) {
          const holds = found.excerpts.some(
            (excerpt) =>
              excerpt.path === path &&
              excerpt.matchingLines.includes(line) &&
              excerpt.text.split("\n")[line - excerpt.startLine] === text,
          );
          assert.ok(holds, JSON.stringify({ path, line, text, found }));
        }
      }),
      { numRuns: 500 },
    );
  });

  it("are never more than was asked for, and say when something is missing", () => {
    fc.assert(
      fc.property(
        fc.array(printed, { maxLength: 30 }),
        fc.nat(2_000),
        fc.integer({ min: 1, max: 10 }),
        (lines, cut, max) => {
          const found = read(lines.map(print).join(""), [cut], max);
          const matches = lines.filter(({ column }) => column !== undefined).length;
          assert.equal(matchesOf(found), Math.min(matches, max));
          assert.equal(found.truncated, matches > max);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("keep little of output without end, and none of what is no output of the program", () => {
    const reader = new ExcerptReader({ maxMatches: 10, maxBytes: 10_000 });
    reader.push("a\x001\x001\x00");
    for (let piece = 0; piece < 1_000; piece++) reader.push("x".repeat(10_000));
    reader.push("\nb\x002\x001\x00after\n");
    const { excerpts } = reader.end();
    assert.deepEqual(
      excerpts.map(({ path, startLine }) => [path, startLine]),
      [
        ["a", 1],
        ["b", 2],
      ],
    );
    assert.ok((excerpts[0]?.text.length ?? 0) < 600);
    assert.deepEqual(read("fatal: nonsense\nmore\n", []), { excerpts: [], truncated: false });
  });
});
