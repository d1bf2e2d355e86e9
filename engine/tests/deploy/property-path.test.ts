import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Secret } from "../../src/model.ts";
import type { PropertyMap } from "../../src/model.ts";
import { applyIgnoreChanges } from "../../src/deploy/property/diff.ts";
import { formatPropertyPath, parsePropertyPath, pathContains } from "../../src/deploy/property/path.ts";

const element = fc.oneof(
  fc.string({ minLength: 1 }).filter((text) => !text.includes("\\")),
  fc.nat({ max: 1_000 }),
);
const path = fc.array(element, { minLength: 1, maxLength: 5 });

describe("property paths", () => {
  it("are read as they are written", () => {
    fc.assert(
      fc.property(path, (elements) => assert.deepEqual(parsePropertyPath(formatPropertyPath(elements)), elements)),
    );
  });

  const table: [string, (string | number)[]][] = [
    ["root", ["root"]],
    ["root.nested", ["root", "nested"]],
    ['root["nested"]', ["root", "nested"]],
    ["root.double.nest", ["root", "double", "nest"]],
    ["root.array[0]", ["root", "array", 0]],
    ["root.array[100]", ["root", "array", 100]],
    ["root.array[0].nested", ["root", "array", 0, "nested"]],
    ["root.array[0][1].nested", ["root", "array", 0, 1, "nested"]],
    ['root["key with \\"escaped\\" quotes"]', ["root", 'key with "escaped" quotes']],
    ['root["key with a ."]', ["root", "key with a ."]],
    ['["root key with a ."][100]', ["root key with a .", 100]],
    ["root.array[*].field", ["root", "array", "*", "field"]],
    ["*", ["*"]],
    ["a.[0]", ["a", 0]],
  ];
  for (const [text, elements] of table)
    it(`${text} is ${JSON.stringify(elements)}`, () => assert.deepEqual(parsePropertyPath(text), elements));

  for (const text of ["root.", "root[", 'root["nested', 'root["nested"', "root.array[abc]", ".root"]) {
    it(`${text} is none`, () => assert.throws(() => parsePropertyPath(text)));
  }

  it("contain what is below them", () => {
    fc.assert(
      fc.property(path, path, (above, below) => {
        assert.ok(pathContains(above, [...above, ...below]));
        assert.ok(
          pathContains(
            above.map(() => "*"),
            above,
          ),
        );
      }),
    );
    assert.ok(!pathContains(["a", "b"], ["a"]));
    assert.ok(!pathContains(["a", 0], ["a", 1]));
  });
});

describe("ignored changes", () => {
  const rows: [string, PropertyMap, PropertyMap, string[], PropertyMap, string[]][] = [
    ["a value", { a: 1 }, { a: 2, b: 3 }, ["a"], { a: 1, b: 3 }, []],
    ["a value that is new", {}, { a: 2 }, ["a"], {}, []],
    ["a value that was removed", { a: 1 }, {}, ["a"], { a: 1 }, []],
    ["a nested value", { a: { b: 1 } }, { a: { b: 2, c: 3 } }, ["a.b"], { a: { b: 1, c: 3 } }, []],
    ["below something that is new", {}, { a: { b: 2 } }, ["a.b"], { a: {} }, []],
    ["below something that was removed", { a: { b: 1 } }, {}, ["a.b"], {}, ["a.b"]],
    ["an element", { a: [1, 2] }, { a: [3, 4] }, ["a[0]"], { a: [1, 4] }, []],
    ["an element that was added", { a: [1] }, { a: [1, 2] }, ["a[1]"], { a: [1, 2] }, ["a[1]"]],
    ["all elements", { a: [1, 2] }, { a: [3, 4] }, ["a[*]"], { a: [1, 2] }, []],
    ["all elements of a longer list", { a: [1] }, { a: [3, 4] }, ["a[*]"], { a: [3, 4] }, ["a[*]"]],
    [
      "a field of all elements",
      { a: [{ x: 1, y: 1 }] },
      { a: [{ x: 2, y: 2 }] },
      ["a[*].x"],
      { a: [{ x: 1, y: 2 }] },
      [],
    ],
    ["everything", { a: 1 }, { a: 2, b: 3 }, ["*"], { a: 1 }, []],
    ["nothing that exists", { a: 1 }, { a: 2 }, ["z.y"], { a: 2 }, []],
  ];
  for (const [name, olds, news, paths, expected, invalid] of rows) {
    it(name, () => {
      const before = structuredClone(news);
      assert.deepEqual(applyIgnoreChanges(news, olds, paths), { inputs: expected, invalid });
      assert.deepEqual(news, before, "the new inputs themselves stay as they are");
    });
  }

  it("keep secrets secret", () => {
    const { inputs } = applyIgnoreChanges({ a: { b: 2 } }, { a: new Secret({ b: 1 }) }, ["a.b"]);
    assert.deepEqual(inputs, { a: { b: new Secret(1) } });
  });
});
