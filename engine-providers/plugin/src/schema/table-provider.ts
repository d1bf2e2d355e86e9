/** A provider made from a table of resource types and functions. */
import { containsUnknowns, Secret, Unknown } from "@automatos/engine/property";
import type { PropertyMap, PropertyValue } from "@automatos/engine/property";
import type { Engine } from "../engine.ts";
import { UnknownTokenError } from "../errors.ts";
import type {
  CheckRequest,
  Checked,
  ConfigureRequest,
  Created,
  CreateRequest,
  DeleteRequest,
  Diff,
  DiffRequest,
  Invoked,
  InvokeRequest,
  Provider,
  Read,
  ReadRequest,
  UpdateRequest,
} from "../provider.ts";
import { autoName, isAutoName, nameIn } from "./auto-name.ts";
import { checkInputs } from "./check.ts";
import { diffInputs } from "./diff.ts";
import type { Fields, ValuesOf } from "./field.ts";
import type { FunctionType, OperationContext, ResourceType } from "./resource-type.ts";
import { plainMap, withSecrets } from "./values.ts";

export interface Table<F extends Fields = Fields> {
  readonly version: string;
  /** The provider's own configuration. */
  readonly config: F;
  /** By type token. */
  readonly resources: Readonly<Record<string, ResourceType>>;
  /** By function token. */
  readonly functions?: Readonly<Record<string, FunctionType>>;
  /** What the package has and this provider has not: by token, what to do instead. */
  readonly refused?: Readonly<Record<string, string>>;
  /** Called once with the plain, checked configuration, before any resource. */
  configure?(config: ValuesOf<F>): Promise<void> | void;
}

/** Binds the configuration's types to its fields; at run time the table itself. */
export function providerTable<const F extends Fields>(table: Table<F>): Table {
  return table;
}

export class TableProvider implements Provider {
  readonly version: string;
  readonly #table: Table;
  #engine: Engine | undefined;

  constructor(table: Table) {
    this.version = table.version;
    this.#table = table;
  }

  async checkConfig({ inputs }: CheckRequest): Promise<Checked> {
    return checkInputs({ ...this.#table.config, version: { kind: "string" } }, parseConfig(this.#table.config, inputs));
  }

  async configure({ config, engine }: ConfigureRequest): Promise<void> {
    this.#engine = engine;
    const fields = { ...this.#table.config, version: { kind: "string" } as const };
    const { inputs, failures } = checkInputs(fields, parseConfig(fields, config));
    if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join("; "));
    await this.#table.configure?.(plainMap(inputs));
  }

  async check(request: CheckRequest): Promise<Checked> {
    const type = this.#type(request.type);
    const named = type.autoNamed === true && (request.inputs["name"] ?? null) === null;
    const given = named ? { ...request.inputs, name: autoName(request) } : request.inputs;
    const checked = checkInputs(type.inputs, given);
    if (checked.failures.length > 0 || !type.check) return checked;
    return type.check({ ...request, inputs: checked.inputs });
  }

  async diff(request: DiffRequest): Promise<Diff> {
    const type = this.#type(request.type);
    const inputDiff = diffInputs(type.inputs, request.oldInputs, request.inputs);
    const found = type.diff?.(request, inputDiff) ?? inputDiff;
    const replaced = (found.replaces ?? []).length > 0;
    const changing = type.updatedOutputs ?? [];
    const stables = type.outputs.filter((output) => !changing.includes(output));
    return {
      ...found,
      stables: replaced ? [] : stables,
      deleteBeforeReplace: replaced && (type.deleteBeforeReplace === true || keepsChosenName(type, request)),
    };
  }

  async create(request: CreateRequest): Promise<Created> {
    const type = this.#type(request.type);
    if (request.preview) {
      const unknown = unknownOutputs(type.outputs.filter((name) => !Object.hasOwn(request.inputs, name)));
      const planned = await this.#plan(type, request);
      return { id: "", outputs: withSecrets({ ...request.inputs, ...unknown, ...planned }, type.secretOutputs ?? []) };
    }
    const { id, outputs } = await type.create(plainMap(request.inputs), this.#context(request));
    return { id, outputs: this.#outputs(type, request.inputs, outputs) };
  }

  async update(request: UpdateRequest): Promise<PropertyMap> {
    const type = this.#type(request.type);
    const { inputs } = request;
    const kept = Object.fromEntries(
      Object.entries(request.oldOutputs).filter(([key]) => !Object.hasOwn(type.inputs, key) || filledIn(type, key)),
    );
    if (request.preview) {
      const planned = await this.#plan(type, request);
      const unknown = unknownOutputs(type.updatedOutputs ?? []);
      return withSecrets({ ...kept, ...inputs, ...unknown, ...planned }, type.secretOutputs ?? []);
    }
    if (!type.update) return this.#outputs(type, { ...kept, ...inputs }, {});
    const old = { inputs: plainMap(request.oldInputs), outputs: plainMap(request.oldOutputs) };
    const outputs = await type.update(request.id, plainMap(inputs), old, this.#context(request));
    return this.#outputs(type, { ...kept, ...inputs }, outputs);
  }

  async read(request: ReadRequest): Promise<Read | undefined> {
    const type = this.#type(request.type);
    const known = { inputs: request.inputs && plainMap(request.inputs), outputs: plainMap(request.outputs) };
    const found = await type.read(request.id, known, this.#context(request));
    if (!found) return undefined;
    const sources = [request.inputs ?? {}, request.outputs];
    return {
      id: found.id,
      inputs: withSecrets(found.inputs, [], ...sources),
      outputs: withSecrets(found.outputs, type.secretOutputs ?? [], ...sources),
    };
  }

  async delete(request: DeleteRequest): Promise<void> {
    const outputs = plainMap({ ...request.inputs, ...request.outputs });
    await this.#type(request.type).delete(request.id, outputs, this.#context(request));
  }

  async invoke({ token, args, signal }: InvokeRequest): Promise<Invoked> {
    const fn = this.#table.functions?.[token];
    if (!fn) throw this.#unknown("function", token);
    const { inputs, failures } = checkInputs(fn.inputs, args);
    if (failures.length > 0) return { result: {}, failures };
    // Not yet known arguments have no answer yet.
    if (containsUnknowns(inputs)) return { result: {} };
    const result = await fn.invoke(plainMap(inputs), signal);
    return { result: withSecrets(result, fn.secretOutputs ?? [], inputs) };
  }

  async #plan(type: ResourceType, request: CreateRequest): Promise<PropertyMap> {
    const { inputs } = request;
    const known = containsUnknowns(inputs) ? undefined : plainMap(inputs);
    return (await type.plan?.(inputs, known, this.#context(request))) ?? {};
  }

  #type(token: string): ResourceType {
    const type = this.#table.resources[token];
    if (!type) throw this.#unknown("resource type", token);
    return type;
  }

  #unknown(kind: "resource type" | "function", token: string): UnknownTokenError {
    return new UnknownTokenError(kind, token, this.#table.refused?.[token] ?? "It may be of a newer package.");
  }

  #context(operation: CreateRequest | ReadRequest | DeleteRequest): OperationContext {
    if (!this.#engine) throw new Error("the provider is not configured: the engine did not call Configure first");
    const { urn, name, signal } = operation;
    const seconds = "timeoutSeconds" in operation ? operation.timeoutSeconds : 0;
    const timed = seconds > 0 ? AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000)]) : signal;
    return { urn, name, signal: timed, engine: this.#engine };
  }

  /** All inputs as they came, and what the operation found over them. */
  #outputs(type: ResourceType, inputs: PropertyMap, outputs: PropertyMap): PropertyMap {
    return withSecrets({ ...inputs, ...outputs }, type.secretOutputs ?? [], inputs);
  }
}

/** An input that the provider fills in is an output even where the program says nothing. */
function filledIn(type: ResourceType, key: string): boolean {
  return type.inputs[key]?.computed === true;
}

function unknownOutputs(names: readonly string[]): PropertyMap {
  return Object.fromEntries(names.map((name) => [name, Unknown.instance]));
}

/** Two resources of one name that the program chose cannot stand beside each other. */
function keepsChosenName(type: ResourceType, { name, oldInputs, inputs }: DiffRequest): boolean {
  const chosen = nameIn(inputs);
  if (type.inputs["name"] === undefined || chosen === undefined || chosen !== nameIn(oldInputs)) return false;
  return !(type.autoNamed === true && isAutoName(name, chosen));
}

/** What is no string in a provider's configuration comes as JSON in a string. */
function parseConfig(fields: Fields, config: PropertyMap): PropertyMap {
  const parse = (key: string, value: PropertyValue): PropertyValue => {
    if (value instanceof Secret) return new Secret(parse(key, value.element));
    const kind = fields[key]?.kind;
    if (typeof value !== "string" || kind === undefined || kind === "string") return value;
    try {
      return JSON.parse(value) as PropertyValue;
    } catch {
      return value;
    }
  };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key, parse(key, value)]));
}
