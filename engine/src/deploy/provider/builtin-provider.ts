/** The resources that the engine itself provides: references to other stacks, and values kept from run to run. */
import { randomUUID } from "node:crypto";
import { Secret } from "../../model.ts";
import type { PropertyMap, ResourceState } from "../../model.ts";
import { NO_CHANGES, someChanges } from "../property/diff.ts";
import type { DiffResult } from "../property/diff.ts";
import { containsSecrets, deepEquals } from "../property/value.ts";
import { urnType } from "../urn.ts";
import type {
  Applied,
  CheckFailure,
  CheckRequest,
  ConfigurableProvider,
  CreateRequest,
  DiffRequest,
  InvokeResult,
  ReadRequest,
  UpdateRequest,
} from "./provider.ts";

export const BUILTIN_PACKAGE = "pulumi";
const STACK_REFERENCE = "pulumi:pulumi:StackReference";
const STASH = "pulumi:index:Stash";

interface BuiltinDependencies {
  readStackOutputs: (stack: string) => Promise<PropertyMap | undefined>;
  /** A resource of this operation, by its URN. */
  findResource: (urn: string) => ResourceState | undefined;
}

export class BuiltinProvider implements ConfigurableProvider {
  readonly isConfigured = true;
  readonly #deps: BuiltinDependencies;

  constructor(deps: BuiltinDependencies) {
    this.#deps = deps;
  }

  construct(): Promise<never> {
    return Promise.reject(new Error("builtin resources may not be constructed"));
  }

  call(): Promise<never> {
    return Promise.reject(new Error("builtin resources may not be called"));
  }

  checkConfig(_urn: string, _olds: PropertyMap, news: PropertyMap) {
    return Promise.resolve({ inputs: news, failures: [] });
  }

  diffConfig(): Promise<DiffResult> {
    return Promise.resolve(NO_CHANGES);
  }

  configure(): Promise<void> {
    return Promise.resolve();
  }

  cancel(): Promise<void> {
    return Promise.resolve();
  }

  async check({ urn, news }: CheckRequest): Promise<{ inputs: PropertyMap; failures: CheckFailure[] }> {
    const required = requiredInput(urn);
    const unknown = Object.keys(news).filter((key) => key !== required);
    const failures = unknown.map((property) => ({ property, reason: `unknown property "${property}"` }));
    if (news[required] === undefined)
      failures.push({ property: required, reason: `missing required property "${required}"` });
    return { inputs: news, failures };
  }

  async diff({ urn, oldInputs, newInputs }: DiffRequest): Promise<DiffResult> {
    const key = requiredInput(urn);
    if (deepEquals(oldInputs[key], newInputs[key])) return NO_CHANGES;
    return key === "name" ? someChanges("name") : { ...someChanges(), changedKeys: ["input"] };
  }

  async create({ urn, inputs, preview }: CreateRequest): Promise<Applied> {
    const id = preview ? "" : randomUUID();
    if (urnType(urn) === STACK_REFERENCE) return { id, outputs: await this.#stackReference(inputs) };
    return { id, outputs: { input: inputs["input"] ?? null, output: inputs["input"] ?? null } };
  }

  async update({ id, oldOutputs, newInputs }: UpdateRequest): Promise<Applied> {
    return { id, outputs: { input: newInputs["input"] ?? null, output: oldOutputs["output"] ?? null } };
  }

  async read({ urn, id, inputs, state }: ReadRequest): Promise<Applied | undefined> {
    if (urnType(urn) === STACK_REFERENCE)
      return { id, outputs: await this.#stackReference(state), ...(inputs && { inputs }) };
    requiredInput(urn);
    return { id, outputs: state, ...(inputs && { inputs }) };
  }

  delete(): Promise<void> {
    return Promise.resolve();
  }

  async invoke(token: string, args: PropertyMap): Promise<InvokeResult> {
    switch (token) {
      case "pulumi:pulumi:readStackOutputs":
        return { result: await this.#stackReference(args), failures: [] };
      case "pulumi:pulumi:getResource":
        return { result: this.#getResource(args), failures: [] };
      default:
        throw new Error(`unrecognized function name: '${token}'`);
    }
  }

  async #stackReference(inputs: PropertyMap): Promise<PropertyMap> {
    const given = inputs["name"];
    const name = given instanceof Secret ? given.element : given;
    if (typeof name !== "string") throw new Error("the name of a referenced stack must be a string");
    const outputs = await this.#deps.readStackOutputs(name);
    if (outputs === undefined) throw new Error(`unknown stack ${JSON.stringify(name)}`);
    const secretOutputNames = Object.keys(outputs)
      .filter((key) => containsSecrets(outputs[key] ?? null))
      .sort();
    return { name, outputs, secretOutputNames };
  }

  #getResource(args: PropertyMap): PropertyMap {
    const urn = typeof args["urn"] === "string" ? args["urn"] : "";
    const found = this.#deps.findResource(urn);
    if (found === undefined) throw new Error(`unknown resource ${urn}`);
    return { urn, id: found.id ?? "", state: found.outputs ?? {} };
  }
}

/** @throws Error for a type that the engine does not provide. */
function requiredInput(urn: string): "name" | "input" {
  const type = urnType(urn);
  if (type === STACK_REFERENCE) return "name";
  if (type === STASH) return "input";
  throw new Error(`unrecognized resource type '${type}'`);
}
