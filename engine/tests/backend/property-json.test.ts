import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Crypter } from "../../src/backend/passphrase.ts";
import {
  propertiesFromJson,
  propertiesToJson,
  propertyFromJson,
  type JsonMap,
} from "../../src/backend/property-json.ts";
import { encryptingCodec, maskingCodec, plaintextCodec, revealingCodec } from "../../src/backend/secret-codecs.ts";
import { AssetOrArchive, ResourceReference, Secret, Unknown, type PropertyMap } from "../../src/model.ts";

const crypter = await Crypter.create("p");

const signature = "4dabf18193072939515e22adb298388d";
const key = fc.string().filter((text) => text !== signature);

const properties = fc.letrec<{ value: unknown; map: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double().map((number) => (number === 0 ? 0 : number)), // JSON has no -0
    fc.string({ unit: "grapheme" }),
    fc.constant(Unknown.instance),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("map"),
    tie("value").map((element) => new Secret(element as never)),
    fc.string().map((text) => new AssetOrArchive("asset", { text })),
    fc.tuple(fc.string(), fc.string({ minLength: 1 })).map(([urn, id]) => new ResourceReference(urn, id, "1.0.0")),
  ),
  map: fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
})).map;

describe("properties in a state file", () => {
  it("are the same after they were written and read", () => {
    const codec = encryptingCodec(crypter);
    fc.assert(
      fc.property(properties, (map) => {
        const before = map as PropertyMap;
        const text = JSON.stringify(propertiesToJson(before, codec, "p"));
        assert.deepEqual(propertiesFromJson(JSON.parse(text) as JsonMap, codec, "p"), { ...before });
      }),
      { examples: [[Object.fromEntries([["__proto__", false]])]] },
    );
  });

  it("hold a secret as Pulumi writes it: its JSON, encrypted", () => {
    const json = propertiesToJson({ s: new Secret({ a: [1] }) }, encryptingCodec(crypter), "p") as {
      s: { ciphertext: string };
    };
    assert.deepEqual(Object.keys(json.s), [signature, "ciphertext"]);
    assert.equal(crypter.decrypt(json.s.ciphertext), '{"a":[1]}');
  });

  it("keep a secret's ciphertext as long as the secret does not change", () => {
    const codec = encryptingCodec(crypter);
    const first = propertiesToJson({ s: new Secret("x") }, encryptingCodec(crypter), "urn");
    const read = propertiesFromJson(first, codec, "urn");
    assert.deepEqual(propertiesToJson(read, codec, "urn"), first);
    assert.deepEqual(propertiesToJson({ s: new Secret("x") }, codec, "urn"), first);
    assert.notDeepEqual(propertiesToJson({ s: new Secret("x") }, codec, "another urn"), first);
    assert.notDeepEqual(propertiesToJson({ s: new Secret("y") }, codec, "urn"), first);
  });

  it("show secrets only to who asks for them", () => {
    const sealed = propertiesToJson({ s: new Secret("x"), t: 1 }, encryptingCodec(crypter), "p");
    const through = (codec: typeof maskingCodec): JsonMap =>
      propertiesToJson(propertiesFromJson(sealed, codec, "p"), codec, "p");
    assert.deepEqual(through(maskingCodec), { s: "[secret]", t: 1 });
    assert.deepEqual(through(revealingCodec(crypter)), { s: "x", t: 1 });
    assert.deepEqual(through(plaintextCodec(crypter)), {
      s: { [signature]: "1b47061264138c4ac30d75fd1eb44270", plaintext: '"x"' },
      t: 1,
    });
  });

  it("are refused when they are of a kind that nobody knows", () => {
    assert.throws(() => propertyFromJson({ [signature]: "new" }, maskingCodec, "urn/outputs.x"), {
      message: "the state holds a value of a kind unknown to this engine at urn/outputs.x",
    });
  });
});
