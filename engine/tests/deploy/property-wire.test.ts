import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AssetOrArchive, ResourceReference, Secret, Unknown } from "../../src/model.ts";
import type { PropertyMap, PropertyValue } from "../../src/model.ts";
import { annotateSecrets, deepEquals } from "../../src/deploy/property/value.ts";
import { OUTPUT_SIGNATURE, SIGNATURE_KEY, UNKNOWN_VALUE } from "../../src/deploy/property/signatures.ts";
import { marshalProperties, toWireMap, unmarshalProperties } from "../../src/deploy/property/wire.ts";
import { structPb } from "../../src/deploy/protocol/protobuf.ts";

const KEEP_ALL = { keepUnknowns: true, keepSecrets: true, keepResources: true };
const key = fc.string({ minLength: 1 }).filter((text) => text !== "__proto__" && text !== SIGNATURE_KEY);

const { value } = fc.letrec<{ value: PropertyValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
    fc.string().filter((text) => text !== UNKNOWN_VALUE),
    fc.constant(Unknown.instance),
    tie("value").map((element) => new Secret(element)),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    fc
      .tuple(
        fc.string(),
        fc.option(
          fc.string({ minLength: 1 }).filter((id) => id !== UNKNOWN_VALUE),
          { nil: undefined },
        ),
      )
      .map(([urn, id]) => new ResourceReference(urn, id, "1.0.0")),
    // As in Pulumi, an asset whose text is empty has no text.
    fc.string({ minLength: 1 }).map((text) => new AssetOrArchive("asset", { text })),
  ),
}));
const properties = fc.dictionary(key, value, { maxKeys: 5, noNullPrototype: true });

describe("property values on the wire", () => {
  it("come back as they were sent", () => {
    fc.assert(
      fc.property(properties, (map) => {
        const bytes = marshalProperties(map, KEEP_ALL).serializeBinary();
        const read = unmarshalProperties(structPb.Struct.deserializeBinary(bytes));
        assert.ok(deepEquals(read, map), JSON.stringify({ read, map }));
      }),
    );
  });

  it("are without secrets, unknowns and references for those who do not know them", () => {
    fc.assert(
      fc.property(properties, (map) => {
        const text = JSON.stringify(toWireMap(map, {}));
        assert.ok(!text.includes(UNKNOWN_VALUE));
      }),
    );
    const map: PropertyMap = {
      secret: new Secret("hush"),
      unknown: Unknown.instance,
      custom: new ResourceReference("urn", "id", ""),
      component: new ResourceReference("urn", undefined, ""),
    };
    assert.deepEqual(toWireMap(map, {}), { secret: "hush", custom: "id", component: "urn" });
  });

  it("of outputs are what they hold", () => {
    const struct = structPb.Struct.fromJavaScript({
      known: { [SIGNATURE_KEY]: OUTPUT_SIGNATURE, value: 1, dependencies: ["a", "b"] },
      nested: { list: [{ [SIGNATURE_KEY]: OUTPUT_SIGNATURE, secret: true, dependencies: ["c"] }] },
    });
    assert.deepEqual(unmarshalProperties(struct), { known: 1, nested: { list: [new Secret(Unknown.instance)] } });
  });

  it("of a provider without secrets are secret where its inputs are", () => {
    assert.deepEqual(
      annotateSecrets(
        { a: 1, b: { c: 2, d: 3 }, e: [4], f: 5 },
        { a: new Secret(0), b: { c: new Secret(0) }, e: [new Secret(0)] },
      ),
      { a: new Secret(1), b: { c: new Secret(2), d: 3 }, e: new Secret([4]), f: 5 },
    );
  });
});
