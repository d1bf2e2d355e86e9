import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Secret, Unknown } from "../src/index.ts";
import type { PropertyMap } from "../src/index.ts";
import { autoName } from "../src/schema/auto-name.ts";
import { checkInputs } from "../src/schema/check.ts";
import { diffInputs } from "../src/schema/diff.ts";
import { between, boolean, integer, list, map, object, oneOf, string } from "../src/schema/index.ts";

const fields = {
  name: string({ required: true, replaces: true }),
  size: integer({ default: 1, validate: between(1, 9) }),
  on: boolean(),
  kind: string({ validate: oneOf("a", "b") }),
  password: string({ secret: true }),
  chosen: string({ computed: true, replaces: true }),
  tags: map(string()),
  ports: list(object({ inside: integer({ required: true }), outside: integer({ replaces: true }) } as const)),
  names: list(string(), { unordered: true }),
  folded: string({ equal: (a, b) => a.toLowerCase() === b.toLowerCase() }),
} as const;

const reasons = (inputs: PropertyMap): string[] => checkInputs(fields, inputs).failures.map(({ reason }) => reason);

describe("checked inputs", () => {
  it("are typed, with defaults, without nulls; what is unknown or secret stays so", () => {
    const secret = new Secret("7");
    const { inputs, failures } = checkInputs(fields, {
      name: "n",
      on: "true",
      size: secret,
      password: "hush",
      kind: null,
      tags: { a: 1, b: null, c: Unknown.instance },
      ports: [{ inside: "80" }],
    });
    assert.deepEqual(failures, []);
    assert.deepEqual(inputs, {
      name: "n",
      on: true,
      size: new Secret(7),
      password: new Secret("hush"),
      tags: { a: "1", c: Unknown.instance },
      ports: [{ inside: 80 }],
    });
  });

  it("have all their mistakes told, by path, without a value that may be secret", () => {
    assert.deepEqual(reasons({ size: 12, nmae: "x", kind: "c", ports: [{ outside: "many" }], tags: ["a"] }), [
      "size is 12, above 9",
      "nmae is no property here; did you mean name?",
      'kind is "c", not one of a, b',
      "ports[0].outside must be a whole number, not a string",
      "ports[0].inside is required",
      "tags must be a map, not a list",
      "name is required",
    ]);
    assert.deepEqual(reasons({ name: "n", kind: new Secret("hush-hush") }), ["kind is not valid; its value is secret"]);
  });

  it("are the same when checked again", () => {
    const anything = fc.record(
      {
        name: fc.string(),
        size: fc.integer({ min: 1, max: 9 }),
        on: fc.boolean(),
        tags: fc.dictionary(
          fc.string().filter((key) => !key.startsWith("__")),
          fc.string(),
        ),
        names: fc.array(fc.string()),
      },
      { requiredKeys: ["name"] },
    );
    fc.assert(
      fc.property(anything, (given) => {
        const { inputs, failures } = checkInputs(fields, { ...given });
        assert.deepEqual(failures, []);
        assert.deepEqual(checkInputs(fields, inputs).inputs, inputs);
        assert.deepEqual(diffInputs(fields, inputs, inputs).changes, false);
      }),
    );
  });
});

describe("the difference of inputs", () => {
  const kinds = (olds: PropertyMap, news: PropertyMap): Record<string, string> => {
    const { detailedDiff = {} } = diffInputs(fields, olds, news);
    return Object.fromEntries(Object.entries(detailedDiff).map(([path, { kind }]) => [path, kind]));
  };

  it("has the path and the kind of each change, and what replaces", () => {
    assert.deepEqual(
      kinds(
        { name: "a", on: true, ports: [{ inside: 1, outside: 2 }], tags: { "x.y": "1", z: "1" } },
        { name: "b", ports: [{ inside: 2, outside: 3 }, { inside: 9 }], tags: { "x.y": "2" } },
      ),
      {
        name: "update-replace",
        on: "delete",
        "ports[0].inside": "update",
        "ports[0].outside": "update-replace",
        "ports[1]": "add",
        'tags["x.y"]': "update",
        "tags.z": "delete",
      },
    );
    const { replaces, diffs } = diffInputs(fields, { name: "a", on: true }, { name: "b" });
    assert.deepEqual([diffs, replaces], [["name", "on"], ["name"]]);
  });

  it("is none where nothing is meant: order, defaults, secrecy, what the provider chose, equal words", () => {
    const olds = { names: ["a", "b", "b"], chosen: "by the provider", on: new Secret(true), folded: "A", tags: {} };
    assert.deepEqual(kinds(olds, { names: ["b", "a", "b"], size: 1, on: true, folded: "a" }), {});
  });

  it("of a list without order names what came and what went", () => {
    assert.deepEqual(kinds({ names: ["a", "b"] }, { names: ["b", "c", "d"] }), {
      "names[0]": "delete",
      "names[1]": "add",
      "names[2]": "add",
    });
  });

  it("of an unknown value is a change", () => {
    assert.deepEqual(kinds({ name: "a" }, { name: Unknown.instance }), { name: "update-replace" });
  });
});

describe("a name that the program does not give", () => {
  const request = { urn: "urn", type: "t", name: "web", inputs: {}, randomSeed: Buffer.from("seed") };

  it("is the same at preview and update, kept afterwards, and another after one that was chosen", () => {
    const name = autoName({ ...request, oldInputs: undefined });
    assert.match(name, /^web-[0-9a-f]{7}$/);
    assert.equal(autoName({ ...request, oldInputs: undefined }), name);
    const later = { ...request, randomSeed: Buffer.from("other") };
    assert.equal(autoName({ ...later, oldInputs: { name } }), name);
    assert.match(autoName({ ...later, oldInputs: { name: "chosen" } }), /^web-[0-9a-f]{7}$/);
  });
});
