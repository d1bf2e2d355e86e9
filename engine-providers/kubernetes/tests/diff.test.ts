/** What counts as a difference, and which differences make another object: pure functions. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Secret, Unknown } from "@automatos/provider-plugin";
import { hasNoManagers, isManagedByOthers, takeOver } from "../src/cluster/managed-fields.ts";
import { nameOf } from "../src/manifest/manifest.ts";
import type { Manifest } from "../src/manifest/manifest.ts";
import { inputsFrom, normalize, prune } from "../src/manifest/normalize.ts";
import { toManifest, toProperties } from "../src/manifest/properties.ts";
import { sameQuantity } from "../src/manifest/quantity.ts";
import { markSecrets, maskOf } from "../src/manifest/secrets.ts";
import { detailedDiff } from "../src/resource/detailed-diff.ts";
import { copyAt, removeAt } from "../src/resource/field-access.ts";
import { forceNewPatterns, touches } from "../src/resource/force-new.ts";
import { autoname } from "../src/resource/naming.ts";
import { contains, parsePropertyPath } from "../src/resource/property-path.ts";

const MUTABILITY = { enableConfigMapMutable: false, enableSecretMutable: false };

/** The kinds of change from old to new inputs, where the cluster has what the old inputs said, and what it added. */
function changes(
  oldInput: Manifest,
  newInput: Manifest,
  added: Manifest = {},
  settings = MUTABILITY,
): Record<string, string> {
  const live = prune({ ...oldInput, ...added }, oldInput);
  const patterns = forceNewPatterns(newInput, false, settings);
  const found = detailedDiff({ live, oldInput, newInput }, (path, value) => touches(patterns, path, value));
  return Object.fromEntries(Object.entries(found).map(([path, { kind }]) => [path, kind]));
}

const deployment = (spec: Manifest): Manifest => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "a" },
  spec,
});

describe("the difference of Kubernetes objects", () => {
  it("is told field by field, in Pulumi's spelling of paths", () => {
    const before = deployment({ replicas: 1, paused: true, template: { metadata: { annotations: { "a.b/c": "1" } } } });
    const after = deployment({ replicas: 2, template: { metadata: { annotations: { "a.b/c": "2", plain: "x" } } } });
    assert.deepEqual(changes(before, after), {
      "spec.replicas": "update",
      "spec.paused": "delete",
      'spec.template.metadata.annotations["a.b/c"]': "update",
      "spec.template.metadata.annotations.plain": "add",
    });
    const list = (args: string[]) => deployment({ template: { spec: { containers: [{ name: "c", args }] } } });
    assert.deepEqual(changes(list(["a", "b"]), list(["a", "c", "d"])), {
      "spec.template.spec.containers[0].args[1]": "update",
      "spec.template.spec.containers[0].args[2]": "add",
    });
    assert.deepEqual(changes(deployment({ replicas: 1 }), deployment({ replicas: Unknown.instance })), {
      "spec.replicas": "update",
    });
  });

  it("is nothing for what the cluster fills in, leaves out or writes otherwise", () => {
    const limits = (cpu: string) => deployment({ hostNetwork: false, limits: { cpu } });
    assert.deepEqual(changes(limits("1000m"), limits("1"), { status: { replicas: 1 } }), {});
    const service = { apiVersion: "v1", kind: "Service", spec: { clusterIP: "" } };
    const live = { ...service, spec: { clusterIP: "10.0.0.7" } };
    assert.deepEqual(
      detailedDiff({ live, oldInput: service, newInput: service }, () => false),
      {},
    );
    const empty = { apiVersion: "v1", kind: "X", spec: { off: false, none: [], text: "", deep: { zero: 0 } } };
    assert.deepEqual(
      detailedDiff({ live: { apiVersion: "v1", kind: "X" }, oldInput: empty, newInput: empty }, () => true),
      {},
    );
    assert.deepEqual(normalize(inputsFrom({ apiVersion: "v1", kind: "X", spec: {} }, empty)), empty);
  });

  it("of fields that cannot change makes another object", () => {
    const rows: [Manifest, Manifest, string][] = [
      [
        deployment({ selector: { matchLabels: { a: "1" } } }),
        deployment({ selector: { matchLabels: { a: "2" } } }),
        "update-replace",
      ],
      [deployment({ replicas: 1 }), { ...deployment({ replicas: 1 }), metadata: { name: "b" } }, "update-replace"],
      [
        { apiVersion: "batch/v1", kind: "Job", spec: {} },
        { apiVersion: "batch/v1", kind: "Job", spec: { template: { a: 1 } } },
        "add-replace",
      ],
      [
        { apiVersion: "v1", kind: "Pod", spec: { containers: [{ name: "a", image: "1" }] } },
        { apiVersion: "v1", kind: "Pod", spec: { containers: [{ name: "a", image: "2" }] } },
        "update-replace",
      ],
      [
        { apiVersion: "v1", kind: "ConfigMap", data: { a: "1" } },
        { apiVersion: "v1", kind: "ConfigMap" },
        "delete-replace",
      ],
      [deployment({ template: { a: 1 } }), deployment({ template: { a: 2 } }), "update"],
      [
        { apiVersion: "example.test/v1", kind: "Job", spec: { template: 1 } },
        { apiVersion: "example.test/v1", kind: "Job", spec: { template: 2 } },
        "update",
      ],
    ];
    for (const [before, after, kind] of rows) assert.deepEqual(Object.values(changes(before, after)), [kind]);
    const conf = (data: string): Manifest => ({ apiVersion: "v1", kind: "ConfigMap", data: { a: data } });
    assert.deepEqual(changes(conf("1"), conf("2"), {}, { ...MUTABILITY, enableConfigMapMutable: true }), {
      "data.a": "update",
    });
  });

  it("of an object with itself is none, whatever is in it", () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(tie("value"), { maxLength: 3 }), tie("map")),
      map: fc.dictionary(fc.string({ minLength: 1 }), tie("value"), { maxKeys: 4, noNullPrototype: true }),
    }));
    fc.assert(
      fc.property(value.map, (map) => {
        const manifest = { apiVersion: "example.test/v1", kind: "Any", spec: map as Manifest };
        assert.deepEqual(changes(manifest, manifest), {});
        assert.deepEqual(toManifest(toProperties(manifest)), manifest);
      }),
    );
  });

  it("knows quantities by what they amount to", () => {
    for (const [one, other] of [
      ["1000m", "1"],
      ["1Gi", "1024Mi"],
      ["0.5", "500m"],
      [2, "2"],
      ["1e3", "1k"],
      ["1.5Gi", "1536Mi"],
    ])
      assert.ok(sameQuantity(one, other), `${String(one)} ${String(other)}`);
    for (const [one, other] of [
      ["1", "2"],
      ["1G", "1Gi"],
      ["a", "a"],
      ["", ""],
    ])
      assert.ok(!sameQuantity(one, other), `${String(one)} ${String(other)}`);
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), (n) => sameQuantity(`${n}`, `${n * 1000n}m`)));
  });
});

describe("managers of fields", () => {
  const live = (entries: Manifest[]): Manifest => ({
    metadata: { name: "a", managedFields: entries },
    spec: { replicas: 1, list: [{ name: "x" }, { name: "y" }] },
  });
  const entry = (manager: string, operation: string, fieldsV1: Manifest): Manifest => ({
    manager,
    operation,
    fieldsV1,
  });

  it("own fields, elements of lists and all below a leaf", () => {
    const object = live([
      entry("other", "Apply", { "f:spec": { "f:replicas": {}, "f:list": { 'k:{"name":"y"}': { "f:image": {} } } } }),
      entry("us", "Apply", { "f:spec": { "f:paused": {} } }),
    ]);
    assert.ok(isManagedByOthers(object, "us", ["spec", "replicas"]));
    assert.ok(isManagedByOthers(object, "us", ["spec", "list", 1, "image"]));
    assert.ok(!isManagedByOthers(object, "us", ["spec", "list", 0, "image"]));
    assert.ok(!isManagedByOthers(object, "us", ["spec", "paused"]));
    assert.ok(!isManagedByOthers(object, "us", ["spec", "unknown"]));
  });

  it("of creation and of kubectl are taken over, others stay", () => {
    const object = live([
      entry("pulumi-kubernetes", "Update", { "f:data": { "f:a": {} } }),
      entry("kubectl-patch", "Update", { "f:data": { "f:b": {} } }),
      { ...entry("kubectl", "Update", { "f:spec": {} }), subresource: "scale" },
      entry("controller", "Update", { "f:status": {} }),
    ]);
    assert.deepEqual(
      takeOver(object, "us")?.map(({ manager, operation, fieldsV1 }) => ({ manager, operation, fieldsV1 })),
      [
        { manager: "kubectl", operation: "Update", fieldsV1: { "f:spec": {} } },
        { manager: "controller", operation: "Update", fieldsV1: { "f:status": {} } },
        { manager: "us", operation: "Apply", fieldsV1: { "f:data": { "f:a": {}, "f:b": {} } } },
      ],
    );
    assert.equal(takeOver(live([entry("us", "Apply", {})]), "us"), undefined);
    assert.ok(hasNoManagers(live([])));
  });
});

describe("inputs of Kubernetes objects", () => {
  it("are in the form in which the server keeps them", () => {
    const secret = { apiVersion: "v1", kind: "Secret", data: { a: "AA==\n", b: "eA==" }, stringData: { b: "y" } };
    assert.deepEqual(normalize(secret), { apiVersion: "v1", kind: "Secret", data: { a: "AA==", b: "eQ==" } });
    const definition = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "a", uid: "1", resourceVersion: "2" },
      spec: { preserveUnknownFields: false, group: "g" },
      status: {},
    };
    assert.deepEqual(normalize(definition), {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "a" },
      spec: { group: "g" },
    });
  });

  it("keep their secrets, field by field, and out of messages", () => {
    const marked = markSecrets(
      { kind: "X", a: { b: "1", c: "2" }, l: ["x"] },
      { a: { b: new Secret("1") }, l: [new Secret("x")] },
    );
    assert.deepEqual(marked, { kind: "X", a: { b: new Secret("1"), c: "2" }, l: new Secret(["x"]) });
    const mask = maskOf({
      kind: "Secret",
      data: { p: Buffer.from("hunter22").toString("base64") },
      spec: { t: new Secret("token-1") },
    });
    assert.equal(mask("bad hunter22 aHVudGVyMjI= token-1 ok"), "bad [secret] [secret] [secret] ok");
  });

  it("get a name that is the same for the same seed, and keep the one they had", () => {
    const seed = new Uint8Array([1, 2, 3]);
    const named = autoname({ metadata: {} }, undefined, "web", seed);
    assert.match(nameOf(named), /^web-[0-9a-f]{8}$/);
    assert.deepEqual(autoname({ metadata: {} }, undefined, "web", seed), named);
    assert.deepEqual(autoname({ metadata: {} }, named, "web", new Uint8Array([9])), named);
    assert.deepEqual(autoname({ metadata: { name: "own" } }, named, "web", seed), { metadata: { name: "own" } });
  });

  it("are reached by property paths", () => {
    assert.deepEqual(parsePropertyPath(`metadata.annotations["a.b/c\\"d"].x[3][*]`), [
      "metadata",
      "annotations",
      'a.b/c"d',
      "x",
      3,
      "*",
    ]);
    assert.throws(() => parsePropertyPath("a.[b"), /is no property path/);
    assert.ok(contains(parsePropertyPath("spec.list[*].a"), parsePropertyPath("spec.list[2].a.b")));
    assert.ok(!contains(parsePropertyPath("spec.list[*].a"), parsePropertyPath("spec.list[2].b")));
    const manifest = { spec: { list: [{ a: 1, b: 2 }, { a: 3 }] } };
    assert.deepEqual(removeAt(manifest, ["spec", "list", "*", "a"]), { spec: { list: [{ b: 2 }, {}] } });
    assert.deepEqual(copyAt(manifest, { spec: { list: [{ a: 9 }] } }, ["spec", "list", 0, "a"]), {
      spec: { list: [{ a: 9, b: 2 }, { a: 3 }] },
    });
  });
});
