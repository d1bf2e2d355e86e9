import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { duration, size, brief } from "../../cli/output/format.ts";
import { forTerminal, inOneLine, makeStyle, toJson } from "../../cli/output/style.ts";
import { fields, table } from "../../cli/output/table.ts";
import { parseEvents } from "../../cli/server-sent-events.ts";

async function* inChunks(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (const [index, place] of places.slice(1).entries()) yield bytes.subarray(places[index], place);
}

async function parse(text: string, cuts: readonly number[] = []): Promise<unknown[]> {
  const events: unknown[] = [];
  for await (const event of parseEvents(inChunks(new TextEncoder().encode(text), cuts))) events.push(event);
  return events;
}

describe("server-sent events", () => {
  it("are taken apart the same wherever the stream is cut, with any line end", async () => {
    const event = fc.record({ id: fc.nat(), data: fc.array(fc.string({ unit: "grapheme" }), { minLength: 1 }) });
    const ends = fc.constantFrom("\n", "\r\n", "\r");
    const cuts = fc.array(fc.nat(), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.array(event), ends, cuts, async (events, end, places) => {
        const clean = events.map(({ id, data }) => ({ id, data: data.map((line) => line.replaceAll(/[\r\n]/g, "")) }));
        const text = clean
          .map(({ id, data }) => [`id: ${id}`, ...data.map((line) => `data: ${line}`), "", ""].join(end))
          .join("");
        // A carriage return at the very end may still become one line end with what follows.
        const whole = end === "\r" ? `${text}:\r\n` : text;
        const parsed = (await parse(whole, places)).filter((found) => found !== "comment");
        assert.deepEqual(
          parsed,
          clean.map(({ id, data }) => ({ id: String(id), data: data.join("\n") })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it("are as the standard says in its corners", async () => {
    assert.deepEqual(await parse(": hello\n\n"), ["comment"]);
    assert.deepEqual(await parse("data\n\ndata:a\ndata: b\n\nid:7\ndata: c\n\n"), [
      { id: undefined, data: "" },
      { id: undefined, data: "a\nb" },
      { id: "7", data: "c" },
    ]);
    assert.deepEqual(await parse("retry: 10\nevent: x\n\ndata: never ended"), []);
  });
});

describe("text for terminals", () => {
  it("keeps no control but colours, line ends and tabs", () => {
    const pieces = fc.constantFrom(
      "\u001b[31m",
      "\u001b[2J",
      "\u001b]52;c;eA==\u0007",
      "\u001b]0;t\u001b\\",
      "\u0007",
      "\u009b5n",
      "a",
      "é",
      "\n",
      "\t",
      "\u001b",
      "\u001bc",
      "[31m",
      "\r",
      "\u0000",
    );
    fc.assert(
      fc.property(
        fc.array(pieces).map((parts) => parts.join("")),
        fc.boolean(),
        (text, colours) => {
          const safe = forTerminal(text, colours);

          const rest = colours ? safe.replaceAll(/\u001b\[[0-9;]*m/g, "") : safe;

          assert.doesNotMatch(rest, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
        },
      ),
    );
    assert.equal(forTerminal("a\u001b]52;c;c2VjcmV0\u0007b", true), "ab");
    assert.equal(forTerminal("\u001b[1;31mred\u001b[0m", true), "\u001b[1;31mred\u001b[0m");
    assert.equal(forTerminal("\u001b[1;31mred\u001b[0m", false), "red");
  });

  it("shows what turns the writing direction, and never sends it", () => {
    const controls = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069";
    for (const control of controls) {
      const name = `<U+${control.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}>`;
      assert.equal(forTerminal(`a${control}txt.exe`, true), `a${name}txt.exe`);
    }
  });

  it("stays in its line of a table, whatever a name holds", () => {
    assert.equal(inOneLine("a\nb\tc\r\nd\u2028e"), "a\\nb\\tc\\nd<U+2028>e");
    const text = table(["PATH", "SIZE>"], [["report\n../../etc/passwd  1 B", "7 B"]]);
    assert.equal(text.split("\n").length, 2);
    assert.equal(fields([["name", "Acme\nplan: enterprise"]]), "name: Acme\\nplan: enterprise");
  });

  it("is the same document as JSON, without what a terminal would obey", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("\u202e", "\u009b", "\u007f", "\u2028", "\u001b", "\\", '"', "a")),
        (parts) => {
          const text = toJson({ text: parts.join("") });
          assert.deepEqual(JSON.parse(text), { text: parts.join("") });
          assert.match(text, /^[\u0020-\u007e]*$/);
        },
      ),
    );
  });
});

describe("tables and figures", () => {
  it("aligns columns by what is visible", () => {
    const { red } = makeStyle(true);
    const text = table(
      ["NAME", "SIZE>"],
      [
        [red("é"), "7 B"],
        ["longer", "12 KB"],
      ],
    );
    assert.equal(text, `NAME     SIZE\n${red("é")}         7 B\nlonger  12 KB`);
    assert.equal(
      fields([
        ["a", "1"],
        ["longer", "2"],
      ]),
      "a:      1\nlonger: 2",
    );
  });

  it("shows sizes and durations in units that people read", () => {
    assert.deepEqual([0, 999, 1_000, 1_536, 10 * 1024 ** 3].map(size), [
      "0 B",
      "999 B",
      "0.977 KB",
      "1.50 KB",
      "10.0 GB",
    ]);
    assert.deepEqual([3.4, 999, 1_000, 59_940, 245_000, 7_800_000].map(duration), [
      "3 ms",
      "999 ms",
      "1.0 s",
      "59.9 s",
      "4 m 05 s",
      "2 h 10 m",
    ]);
    assert.equal(brief("a  long\ntext with  spaces", 12), "a long text…");
  });
});
