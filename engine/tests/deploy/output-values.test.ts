import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  allDependencies,
  dependenciesOf,
  fromOutputValues,
  toOutputValues,
  withDependencies,
} from "../../src/deploy/property/output-values.ts";
import {
  OUTPUT_SIGNATURE,
  RESOURCE_SIGNATURE,
  SECRET_SIGNATURE,
  SIGNATURE_KEY,
  UNKNOWN_VALUE,
} from "../../src/deploy/property/signatures.ts";

const output = (fields: object) => ({ [SIGNATURE_KEY]: OUTPUT_SIGNATURE, ...fields });
const secret = (value: unknown) => ({ [SIGNATURE_KEY]: SECRET_SIGNATURE, value });

describe("output values", () => {
  it("stand for secrets and unknowns, however deep, and are these again", () => {
    const plain = {
      a: secret("x"),
      b: [{ c: UNKNOWN_VALUE }],
      d: secret({ e: UNKNOWN_VALUE }),
      f: secret(UNKNOWN_VALUE),
      g: 1,
    };
    const upgraded = toOutputValues(plain);
    assert.deepEqual(upgraded, {
      a: output({ secret: true, value: "x" }),
      b: [{ c: output({}) }],
      d: output({ secret: true, value: { e: output({}) } }),
      f: output({ secret: true }),
      g: 1,
    });
    assert.deepEqual(fromOutputValues(upgraded), plain);
  });

  it("are not what the id of a reference is", () => {
    const reference = { r: { [SIGNATURE_KEY]: RESOURCE_SIGNATURE, urn: "u", id: UNKNOWN_VALUE } };
    assert.deepEqual(toOutputValues(reference), reference);
  });

  it("name what they came from, with all that is in them", () => {
    const value = { x: [output({ value: { y: output({ dependencies: ["b"] }) }, dependencies: ["a"] })] };
    assert.deepEqual(dependenciesOf(value), ["a", "b"]);
    assert.deepEqual(allDependencies({ p: value, q: 1 }, { p: ["c"], r: ["d"] }), {
      p: ["c", "a", "b"],
      q: [],
      r: ["d"],
    });
  });

  it("are made of values whose dependencies were told beside them", () => {
    const given = { a: ["u"], b: ["u"], c: [] };
    const values = { a: 1, b: output({ secret: true, value: 2, dependencies: ["v"] }), c: 3, d: 4 };
    const told = withDependencies(values, given);
    assert.deepEqual(told, {
      a: output({ value: 1, dependencies: ["u"] }),
      b: output({ secret: true, value: 2, dependencies: ["v", "u"] }),
      c: 3,
      d: 4,
    });
    assert.equal(withDependencies(told, given)["a"], told.a, "what is told already stays as it is");
  });

  it("lose nothing but dependencies on the way there and back, whatever the properties are called", () => {
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom(1, "x", true, null, UNKNOWN_VALUE),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("a", "__proto__", "constructor"), tie("tree"), {
          maxKeys: 3,
          noNullPrototype: true,
        }),
        tie("tree").map(secret),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), tree, { noNullPrototype: true }), (properties) => {
        assert.deepEqual(fromOutputValues(toOutputValues(properties as Record<string, string>)), properties);
      }),
      { numRuns: 200 },
    );
  });
});
