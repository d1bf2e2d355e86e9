import assert from "node:assert/strict";
import { X509Certificate, createPrivateKey } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Secret, Unknown, withoutSecrets } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import { withName } from "../src/auto-name.ts";
import { selfSigned } from "../src/certificates.ts";
import { firstAddress, isWithin, overlap } from "../src/cidr.ts";
import { diffOf } from "../src/diff.ts";
import { makingOf } from "../src/making.ts";
import type { ResourceModel } from "../src/model.ts";
import { readClass } from "../src/sdk-class.ts";
import { asText, canonical, textsAt, valuesAt } from "../src/values.ts";

const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
const value: fc.Arbitrary<PropertyValue> = fc.letrec<{ value: PropertyValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.string({ minLength: 1 }), tie("value"), { maxKeys: 3 }),
    tie("value").map((inner) => new Secret(inner)),
  ),
})).value;

describe("values", () => {
  it("have one text for equal values, whatever the order of keys and whatever is secret", () => {
    fc.assert(fc.property(value, (any) => canonical(any) === canonical(withoutSecrets(any))));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), leaf), (map) => {
        const turned = Object.fromEntries(Object.entries(map).reverse());
        return canonical(map) === canonical(turned);
      }),
    );
  });

  it("are found by path through lists and secrets", () => {
    const map = { a: [{ b: "1" }, { b: new Secret("2") }, { c: "3" }], u: Unknown.instance };
    assert.deepEqual(textsAt(map, "a.b"), ["1", "2"]);
    assert.deepEqual(valuesAt(map, "u.x"), [Unknown.instance]);
    assert.deepEqual(textsAt(map, "u.x"), []);
    assert.deepEqual(valuesAt(undefined, "a"), []);
  });
});

describe("names that the provider gives", () => {
  const rule = fc.record({
    property: fc.constant("name"),
    maxLength: fc.integer({ min: 12, max: 80 }),
    lowerCase: fc.boolean(),
  });
  const name = fc.string({ minLength: 1 });

  it("are as long as allowed, begin with the resource's name, and are the same for the same seed", () => {
    fc.assert(
      fc.property(rule, name, fc.uint8Array({ minLength: 1 }), (auto, own, randomSeed) => {
        const given = () => withName(auto, { name: own, inputs: {}, oldInputs: undefined, randomSeed })["name"];
        const first = asText(given());
        const start = first.slice(0, -8);
        assert.ok(first.length <= auto.maxLength);
        assert.match(first, /-[0-9a-f]{7}$/);
        assert.ok((auto.lowerCase ? own.toLowerCase() : own).startsWith(start));
        assert.equal(given(), first);
      }),
    );
  });

  it("stay, unless the program takes the name over", () => {
    const auto = { property: "name", maxLength: 63 };
    const request = { name: "a", inputs: {}, oldInputs: undefined, randomSeed: new Uint8Array() };
    const first = withName(auto, request);
    assert.deepEqual(withName(auto, { ...request, oldInputs: first }), first);
    const taken = withName(auto, { ...request, inputs: { name: "mine" }, oldInputs: first });
    assert.deepEqual(taken, { __defaults: [], name: "mine" });
    const givenBack = withName(auto, { ...request, oldInputs: taken });
    assert.match(asText(givenBack["name"]), /^a-/);
  });
});

describe("differences", () => {
  const model = { replaces: ["name", "vpc.cidr"] } as unknown as ResourceModel; // nothing else of it is used
  const diff = (oldInputs: PropertyMap, inputs: PropertyMap) =>
    diffOf({ model, autoName: undefined, oldInputs, oldOutputs: {}, inputs, labels: {} });

  it("are none between equal inputs", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ minLength: 1 }), value), (map) => !diff(map, structured(map)).changes),
    );
  });

  it("replace where the cloud cannot change in place, and only there", () => {
    assert.deepEqual(diff({ name: "a" }, { name: "b" }).replaces, ["name"]);
    assert.deepEqual(diff({ vpc: { cidr: "1", dns: true } }, { vpc: { cidr: "1", dns: false } }).replaces, []);
    assert.deepEqual(diff({ vpc: { cidr: "1" } }, { vpc: { cidr: "2" } }).replaces, ["vpc"]);
    assert.deepEqual(diff({}, { vpc: { dns: true } }).replaces, []);
    assert.deepEqual(diff({}, { vpc: { cidr: "1" } }).replaces, ["vpc"]);
    assert.deepEqual(diff({ tags: ["a"] }, { tags: ["a", "b"] }).detailedDiff, {
      "tags[1]": { kind: "add", inputDiff: true },
    });
    assert.deepEqual(Object.keys(diff({ tags: {} }, { tags: { "a/b": "c" } }).detailedDiff ?? {}), ['tags["a/b"]']);
  });
});

function structured(map: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(map).reverse());
}

describe("what is made up", () => {
  const making = (seed: string) =>
    makingOf({
      type: "t",
      name: "n",
      inputs: {},
      known: {},
      place: {},
      seed,
      now: "",
      cluster: undefined,
      cloud: undefined as never, // no model is asked here
      referred: new Map(),
    });

  it("is the same for the same resource and purpose, and in the networks of documentation", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.integer({ min: 1, max: 200 }), (seed, purpose, length) => {
        const one = making(seed);
        assert.match(one.hex(length, purpose), new RegExp(`^[0-9a-f]{${length}}$`));
        assert.equal(one.hex(length, purpose), making(seed).hex(length, purpose));
        assert.match(one.ip(purpose), /^(192\.0\.2|198\.51\.100|203\.0\.113)\.([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-3])$/);
        assert.ok(one.below(length, purpose) < length);
      }),
    );
  });

  it("has certificates that verify and say what they are", () => {
    const { certificate, privateKey } = selfSigned("x.rehearsal.invalid");
    const read = new X509Certificate(certificate);
    assert.equal(read.subject, "O=rehearsed\nCN=x.rehearsal.invalid");
    assert.ok(read.ca && read.verify(read.publicKey) && read.checkPrivateKey(createPrivateKey(privateKey)));
    assert.ok(new Date(read.validTo).getTime() > Date.now() + 3_000 * 86_400_000);
  });
});

describe("ranges", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const range = fc
    .tuple(byte, byte, byte, byte, fc.integer({ min: 1, max: 32 }))
    .map(([a, b, c, d, length]) => `${a}.${b}.${c}.${d}/${length}`);

  it("overlap both ways, and do when one is within the other", () => {
    fc.assert(fc.property(range, range, (one, other) => overlap(one, other) === overlap(other, one)));
    fc.assert(fc.property(range, range, (one, other) => !isWithin(one, other) || overlap(one, other)));
    fc.assert(fc.property(range, (one) => overlap(one, one) && isWithin(one, "0.0.0.0/0")));
  });

  it("are read or left alone", () => {
    assert.ok(!overlap("10.0.0.0/24", "10.0.1.0/24") && overlap("10.0.0.0/16", "10.0.1.0/24"));
    assert.ok(isWithin("2001:db8::/64", "10.0.0.0/8") && !overlap("2001:db8::/64", "10.0.0.0/8"));
    assert.deepEqual(
      [firstAddress("10.0.8.7/20"), firstAddress("x"), firstAddress("10.0.0.0/33")],
      ["10.0.0.1", undefined, undefined],
    );
  });
});

describe("a class of an SDK", () => {
  const script = `class Net extends pulumi.CustomResource {
    static __pulumiType = 'x:y/net:Net';
    constructor(name, argsOrState, opts) {
        if (opts.id) { const state = argsOrState; resourceInputs["out"] = state?.out; }
        else {
            const args = argsOrState;
            if (args?.cidr === undefined && !opts.urn) {
                throw new Error("Missing required property 'cidr'");
            }
            resourceInputs["cidr"] = args?.cidr;
            resourceInputs["pass"] = args?.pass ? pulumi.secret(args.pass) : undefined;
            resourceInputs["out"] = undefined /*out*/;
        }
        const secretOpts = { additionalSecretOutputs: ["pass"] };
    }}`;
  const declaration = `export declare class Net extends pulumi.CustomResource {
    readonly cidr: pulumi.Output<string>;
    readonly out: pulumi.Output<{
        [key: string]: string;
    }>;
    readonly pass: pulumi.Output<string | undefined>;
    readonly list: pulumi.Output<outputs.y.Thing[] | undefined>;
}
export interface NetArgs {
    /**
     * The range. Changing this
     * forces a new resource to be created.
     */
    cidr: pulumi.Input<string>;
    /** Not so. */
    pass?: pulumi.Input<string>;
}`;

  it("is read from what was generated", () => {
    const facts = readClass(script, declaration);
    assert.deepEqual([...(facts?.inputs ?? [])], ["cidr", "pass"]);
    assert.deepEqual([...(facts?.required ?? [])], ["cidr"]);
    assert.deepEqual([...(facts?.secretInputs ?? [])], ["pass"]);
    assert.deepEqual([...(facts?.secretOutputs ?? [])], ["pass"]);
    assert.deepEqual([...(facts?.documentedReplacements ?? [])], ["cidr"]);
    assert.deepEqual(Object.fromEntries(facts?.outputs ?? []), {
      cidr: { type: "string", optional: false },
      out: { type: "map", optional: false },
      pass: { type: "string", optional: true },
      list: { type: "list", optional: true },
    });
    assert.equal(readClass("class Provider extends pulumi.ProviderResource {}", ""), undefined);
  });
});
