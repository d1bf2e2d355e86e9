import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  coerce,
  formatConfigPath,
  getAt,
  parseConfigPath,
  setAt,
  type ConfigNode,
  type PathSegment,
} from "../../src/backend/config-path.ts";

const segment = fc.oneof<[fc.Arbitrary<PathSegment>, fc.Arbitrary<PathSegment>]>(
  fc.string({ unit: "grapheme" }),
  fc.nat({ max: 3 }),
);
const path = fc
  .tuple(fc.string({ minLength: 1 }), fc.array(segment, { maxLength: 4 }))
  .map(([top, rest]) => [top, ...rest]);

describe("a path into configuration", () => {
  const table: [text: string, segments: PathSegment[]][] = [
    ["root", ["root"]],
    ["root.nested", ["root", "nested"]],
    ['root["nested"]', ["root", "nested"]],
    ["o.list[0]", ["o", "list", 0]],
    ["root.array[100].nested[1][2]", ["root", "array", 100, "nested", 1, 2]],
    ['root["a.b"].c', ["root", "a.b", "c"]],
    [String.raw`root["a \"quoted\" key"]`, ["root", 'a "quoted" key']],
    ['["root.dotted"][0]', ["root.dotted", 0]],
  ];
  for (const [text, segments] of table)
    it(`${text} is read`, () => {
      assert.deepEqual(parseConfigPath(text), segments);
    });

  for (const text of ["", "[0]", "a..b", "a.", "a.[0]", "a[", "a[x]", 'a["x', "a[0]b", "a[-1]"])
    it(`'${text}' is refused`, () => {
      assert.throws(() => parseConfigPath(text), { code: "CONFIG" });
    });

  it("is the same after it was written and read", () => {
    fc.assert(fc.property(path, (segments) => assert.deepEqual(parseConfigPath(formatConfigPath(segments)), segments)));
  });

  it("finds what was set at it, and nothing else has changed", () => {
    fc.assert(
      fc.property(path, fc.integer(), (segments, value) => {
        const before = { other: "kept" };
        let root: ConfigNode;
        try {
          root = setAt(before, segments, value);
        } catch {
          return; // an index beyond the end of a list
        }
        assert.equal(getAt(root, segments), value);
        assert.deepEqual(before, { other: "kept" });
        if (segments[0] !== "other") assert.equal(getAt(root, ["other"]), "kept");
      }),
    );
  });

  it("leads through containers only", () => {
    assert.throws(() => setAt({ a: { b: "text" } }, ["a", "b", "c"], 1), { message: "a.b: expected a map" });
    assert.throws(() => setAt({ a: [] }, ["a", "b"], 1), { message: "a.b: key for an array must be an int" });
    assert.throws(() => setAt({ a: {} }, ["a", 0], 1), { message: "a[0]: key for a map must be a string" });
    assert.throws(() => setAt({ a: [] }, ["a", 1], 1), { message: "a[1]: array index out of range" });
    assert.throws(() => setAt({}, ["a", "secure"], "x"), { message: /would read as a secret/ });
  });
});

describe("a value inside a list or map", () => {
  const table: [text: string, node: ConfigNode][] = [
    ["true", true],
    ["false", false],
    ["0", 0],
    ["42", 42],
    ["-7", -7],
    ["007", "007"],
    ["1.5", "1.5"],
    ["", ""],
    ["9007199254740993", "9007199254740993"],
    ["True", "True"],
  ];
  for (const [text, node] of table)
    it(`'${text}' is ${JSON.stringify(node)}`, () => {
      assert.equal(coerce(text), node);
    });
});
