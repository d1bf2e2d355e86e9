/** What must hold for every model of a cloud and every class of its SDK; each provider's tests run it. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { isMap, Secret, Unknown } from "@automatos/provider-plugin";
import type { PropertyMap, PropertyValue } from "@automatos/provider-plugin";
import type { CloudDefinition, ResourceModel } from "../../src/index.ts";
import { RehearsedProvider, SdkCatalogue } from "../../src/index.ts";

const HERE = import.meta.dirname;
const signal = new AbortController().signal;
const silent = { log: async () => undefined };

/** A provider of this cloud in this process, configured; `folder` is its rehearsal's. */
export async function configured(
  definition: CloudDefinition,
  folder: string,
  config: PropertyMap,
): Promise<RehearsedProvider> {
  const environment = { PULUMI_PROGRAM_DIRECTORY: HERE };
  const provider = new RehearsedProvider(definition, { environment, workFolder: folder });
  const engine = silent as unknown as Parameters<RehearsedProvider["configure"]>[0]["engine"]; // nothing else of it is used
  await provider.configure({ config: { rehearsalDir: folder, ...config }, engine });
  return provider;
}

export function about(type: string, name: string) {
  return { type, name, urn: `urn:pulumi:dev::sample::${type}::${name}`, signal, randomSeed: new Uint8Array() };
}

export function describeModels(definition: CloudDefinition, config: PropertyMap): void {
  const catalogue = new SdkCatalogue(definition.sdk, [HERE]);

  describe(`the models of ${definition.title}`, () => {
    for (const [type, model] of definition.models) {
      it(`${type}: names what its class has`, () => checkNames(definition, catalogue, type, model));
    }

    it("name functions of the SDK", () => {
      for (const token of definition.functions.keys()) assert.ok(catalogue.hasFunction(token), token);
    });
  });

  describe(`every class of ${definition.sdk} ${catalogue.version}`, () => {
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "rehearsal-"));
    });
    after(() => rm(folder, { recursive: true }));

    it("is checked, previewed, made, read, changed and removed", async () => {
      const types = catalogue.types();
      assert.ok(types.length > 1_400, `only ${types.length} classes`);
      const provider = await configured(definition, folder, config);
      const failures: string[] = [];
      for (const type of types) {
        if (definition.models.has(type)) continue;
        try {
          await live(provider, catalogue, type);
        } catch (error) {
          failures.push(`${type}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
      assert.deepEqual(failures, []);
    });
  });
}

function checkNames(definition: CloudDefinition, catalogue: SdkCatalogue, type: string, model: ResourceModel): void {
  const facts = catalogue.classOf(type);
  assert.ok(facts, "no class has this type");
  const top = (path: string) => path.split(".")[0] ?? "";
  for (const path of model.replaces) assert.ok(facts.inputs.has(top(path)), `replaces: no input ${path}`);
  for (const { at, to } of model.references ?? []) {
    // Bindings share their references: not each class has each input.
    if (!/(IAM|Iam)(Member|Binding|Policy)$/.test(type))
      assert.ok(facts.inputs.has(top(at)), `references: no input ${at}`);
    for (const other of [to].flat()) assert.ok(definition.models.has(other), `references: ${other} is not modelled`);
  }
  const defaults = typeof model.defaults === "function" ? model.defaults({}) : (model.defaults ?? {});
  for (const name of Object.keys(defaults))
    assert.ok(facts.inputs.has(name) || facts.outputs.has(name), `defaults: no property ${name}`);
  if (model.autoName !== undefined && model.autoName !== "none")
    assert.ok(facts.inputs.has(model.autoName.property), `autoName: no input ${model.autoName.property}`);
  assert.equal(Object.keys(model.permissions).length, 4);
  for (const permission of Object.values(model.permissions).flat())
    assert.ok(definition.isPermission(permission) && permission !== "", `permissions: ${permission}`);
}

/** One resource through its whole life, with values made up from the class's required inputs. */
async function live(provider: RehearsedProvider, catalogue: SdkCatalogue, type: string): Promise<void> {
  const facts = catalogue.classOf(type);
  assert.ok(facts);
  const given: Record<string, PropertyValue> = {};
  for (const input of facts.required) given[input] = sample(facts.outputs.get(input)?.type);
  const self = about(type, "one");

  const checked = await provider.check({ ...self, inputs: given, oldInputs: undefined });
  assert.deepEqual(checked.failures, []);
  const { inputs } = checked;
  const preview = await provider.create({ ...self, inputs, preview: true, timeoutSeconds: 0 });
  assert.equal(preview.id, "");
  assert.equal(preview.outputs["rehearsed"], true);

  const made = await provider.create({ ...self, inputs, preview: false, timeoutSeconds: 0 });
  assert.notEqual(made.id, "");
  assert.equal(made.outputs["rehearsed"], true);
  for (const [name, { optional }] of facts.outputs) {
    if (!optional) assert.notEqual(made.outputs[name], undefined, `no output ${name}`);
    if (facts.secretOutputs.has(name) && made.outputs[name] !== undefined)
      assert.ok(made.outputs[name] instanceof Secret, `${name} is not secret`);
  }
  assert.ok(!Object.values(made.outputs).some((value) => value instanceof Unknown));

  const again = await provider.check({ ...self, inputs: given, oldInputs: inputs });
  const same = { ...self, id: made.id, oldInputs: inputs, oldOutputs: made.outputs, ignoreChanges: [] };
  assert.equal((await provider.diff({ ...same, inputs: again.inputs })).changes, false);
  const read = await provider.read({ ...self, id: made.id, inputs, outputs: made.outputs });
  assert.ok(read && isMap(read.outputs));
  assert.equal(
    (await provider.diff({ ...same, inputs, oldInputs: read.inputs, oldOutputs: read.outputs })).changes,
    false,
  );
  await provider.update({ ...same, inputs, preview: false, timeoutSeconds: 0 });
  await provider.delete({ ...self, id: made.id, inputs, outputs: made.outputs, timeoutSeconds: 0 });
}

function sample(type: string | undefined): PropertyValue {
  const samples: Readonly<Record<string, PropertyValue>> = { number: 1, boolean: true, list: [], map: {}, object: {} };
  return samples[type ?? "string"] ?? "sample";
}
