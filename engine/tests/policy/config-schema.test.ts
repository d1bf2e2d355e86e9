import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { schemaProblems, type JsonValue } from "../../src/deploy/policy/config-schema.ts";

/** Schema, a value that fits, one that does not, and what is said of it. */
const rows: readonly [string, JsonValue, JsonValue, JsonValue, string][] = [
  ["type", { type: "string" }, "a", 1, "Invalid type. Expected: string, given: integer"],
  ["types", { type: ["string", "null"] }, null, [], "Invalid type. Expected: string/null, given: array"],
  ["integer", { type: "integer" }, 2, 2.5, "Invalid type. Expected: integer, given: number"],
  ["number", { type: "number" }, 2, "2", "Invalid type. Expected: number, given: string"],
  ["enum", { enum: ["a", { b: [1] }] }, { b: [1] }, "c", 'must be one of the following: "a", {"b":[1]}'],
  ["const", { const: 3 }, 3, 4, "does not match: 3"],
  ["minimum", { minimum: 1 }, 1, 0, "Must be greater than or equal to 1"],
  ["exclusiveMinimum", { exclusiveMinimum: 1 }, 2, 1, "Must be greater than 1"],
  ["maximum", { maximum: 1 }, 1, 2, "Must be less than or equal to 1"],
  ["exclusiveMaximum", { exclusiveMaximum: 1 }, 0, 1, "Must be less than 1"],
  ["multipleOf", { multipleOf: 0.1 }, 0.3, 0.25, "Must be a multiple of 0.1"],
  ["minLength", { minLength: 2 }, "ab", "😀", "String length must be greater than or equal to 2"],
  ["maxLength", { maxLength: 1 }, "😀", "ab", "String length must be less than or equal to 1"],
  ["pattern", { pattern: "^a+$" }, "aa", "ab", "Does not match pattern '^a+$'"],
  ["minItems", { minItems: 1 }, [1], [], "Array must have at least 1 items"],
  ["maxItems", { maxItems: 1 }, [1], [1, 2], "Array must have at most 1 items"],
  ["uniqueItems", { uniqueItems: true }, [1, 2], [{ a: 1 }, { a: 1 }], "array items must be unique"],
  ["contains", { contains: { const: 1 } }, [0, 1], [0], "At least one of the items must match"],
  ["required", { required: ["a"] }, { a: 1 }, {}, "a is required"],
  ["minProperties", { minProperties: 1 }, { a: 1 }, {}, "Must have at least 1 properties"],
  ["maxProperties", { maxProperties: 0 }, {}, { a: 1 }, "Must have at most 0 properties"],
  ["additionalProperties", { additionalProperties: false }, {}, { a: 1 }, "Additional property a is not allowed"],
  ["propertyNames", { propertyNames: { pattern: "^a" } }, { a: 1 }, { b: 1 }, 'Property name of "b" does not match'],
  ["dependencies on names", { dependencies: { a: ["b"] } }, { a: 1, b: 1 }, { a: 1 }, "Has a dependency on b"],
];

describe("a policy's configuration schema", () => {
  for (const [name, schema, fits, fails, problem] of rows)
    it(`knows ${name}`, () => {
      assert.deepEqual(schemaProblems(schema, fits), []);
      assert.deepEqual(schemaProblems(schema, fails), [`(root): ${problem}`]);
    });

  it("names the place of what does not fit", () => {
    const schema = {
      properties: {
        a: { items: { properties: { b: { type: "string" } } } },
        list: { items: [{ type: "null" }], additionalItems: false },
      },
      patternProperties: { "^x-": { type: "boolean" } },
      additionalProperties: { type: "integer" },
      dependencies: { a: { required: ["c"] } },
    };
    assert.deepEqual(schemaProblems(schema, { a: [{ b: "" }, { b: 1 }], list: [null, 1], "x-y": 1, other: "z" }), [
      "a.1.b: Invalid type. Expected: string, given: integer",
      "list.1: False always fails validation",
      "x-y: Invalid type. Expected: boolean, given: integer",
      "other: Invalid type. Expected: integer, given: string",
      "(root): c is required",
    ]);
  });

  it("is not led astray by the names of properties", () => {
    assert.deepEqual(
      schemaProblems(
        { required: ["constructor"], properties: { a: true } },
        JSON.parse('{"__proto__": 1}') as JsonValue,
      ),
      ["(root): constructor is required"],
    );
  });

  it("finds nothing wrong with a value that its own constant describes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) =>
        assert.deepEqual(
          schemaProblems({ const: value as JsonValue, enum: [value as JsonValue] }, value as JsonValue),
          [],
        ),
      ),
    );
  });
});
