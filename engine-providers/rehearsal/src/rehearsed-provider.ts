/** A provider plugin that answers for a cloud without one. */
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
  PropertyMap,
  Provider,
  Read,
  ReadRequest,
  ResourceIdentity,
  UpdateRequest,
} from "@automatos/provider-plugin";
import { mapWithoutSecrets, UnknownTokenError } from "@automatos/provider-plugin";
import { checkInputs } from "./check.ts";
import { diffOf } from "./diff.ts";
import { callFunction } from "./functions.ts";
import type { AutoName, CloudDefinition, ResourceModel } from "./model.ts";
import type { Resource } from "./object-maker.ts";
import { previewOutputs } from "./outputs.ts";
import { SdkCatalogue } from "./sdk-catalogue.ts";
import type { ClassFacts } from "./sdk-class.ts";
import { openSession } from "./session.ts";
import type { Session } from "./session.ts";
import { defined } from "./values.ts";

/** As `SetAutonaming(255, "-")` of both real providers names all that has an optional input `name`. */
const USUAL_NAME: AutoName = { property: "name", maxLength: 255 };

export interface RehearsedProviderOptions {
  /** @default the process's */
  readonly environment?: NodeJS.ProcessEnv;
  /** The folder in which relative paths begin when the engine names no project. @default the process's */
  readonly workFolder?: string;
}

export class RehearsedProvider implements Provider {
  readonly version: string;
  readonly #definition: CloudDefinition;
  readonly #catalogue: SdkCatalogue;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #workFolder: string;
  #session: Session | undefined;

  /** @throws SdkMissingError */
  constructor(definition: CloudDefinition, options: RehearsedProviderOptions = {}) {
    this.#definition = definition;
    this.#environment = options.environment ?? process.env;
    this.#workFolder = options.workFolder ?? process.cwd();
    const program = this.#environment["PULUMI_PROGRAM_DIRECTORY"];
    this.#catalogue = new SdkCatalogue(definition.sdk, [
      ...(program ? [program] : []),
      this.#workFolder,
      import.meta.dirname,
    ]);
    this.version = this.#catalogue.version;
  }

  async configure({ config, engine }: Pick<ConfigureRequest, "config" | "engine">): Promise<void> {
    this.#session = openSession(this.#definition, this.#catalogue, mapWithoutSecrets(config), {
      environment: this.#environment,
      workFolder: this.#workFolder,
    });
    await engine.log(
      "warning",
      `${this.#definition.title} is rehearsed: nothing is created, no account is used and nothing is sent anywhere. ` +
        `What this run makes is in ${this.#session.folder}`,
    );
  }

  async check({ type, name, inputs, oldInputs, randomSeed }: CheckRequest): Promise<Checked> {
    const { facts, model } = this.#describe(type);
    return checkInputs(facts, model, autoNameOf(facts, model), { name, inputs, oldInputs, randomSeed });
  }

  async diff({ type, inputs, oldInputs, oldOutputs }: DiffRequest): Promise<Diff> {
    const { facts, model } = this.#describe(type);
    const labels = defined(this.#open().configured.labels(mapWithoutSecrets(inputs), facts, type));
    return diffOf({ model, autoName: autoNameOf(facts, model), inputs, oldInputs, oldOutputs, labels });
  }

  async create(request: CreateRequest): Promise<Created> {
    const resource = this.#resource(request, request.inputs);
    if (request.preview) return { id: "", outputs: previewOutputs(resource.parts) };
    return this.#open().cloud.create(resource, request.timeoutSeconds);
  }

  async update(request: UpdateRequest): Promise<PropertyMap> {
    const resource = this.#resource(request, request.inputs);
    if (request.preview) return previewOutputs(resource.parts, request.oldOutputs);
    return this.#open().cloud.update(resource, request.id, request.oldOutputs, request.timeoutSeconds);
  }

  read(request: ReadRequest): Promise<Read | undefined> {
    const resource = this.#resource(request, request.inputs ?? {});
    return this.#open().cloud.read(resource, request.id, { inputs: request.inputs ?? {}, outputs: request.outputs });
  }

  delete(request: DeleteRequest): Promise<void> {
    const resource = this.#resource(request, request.inputs);
    return this.#open().cloud.delete(resource, request.id, request, request.timeoutSeconds);
  }

  async invoke({ token, args }: InvokeRequest): Promise<Invoked> {
    return { result: await callFunction(this.#open(), this.#catalogue, token, mapWithoutSecrets(args)) };
  }

  #resource({ type, name, urn }: ResourceIdentity, inputs: PropertyMap): Resource {
    const { facts, model } = this.#describe(type);
    const { configured } = this.#open();
    const opened = mapWithoutSecrets(inputs);
    const { place, outputs } = configured.placeOf(opened, facts);
    const known = { ...outputs, ...configured.labels(opened, facts, type) };
    return { type, name, urn, model, place, parts: { facts, model, inputs, known } };
  }

  #describe(type: string): { facts: ClassFacts; model: ResourceModel } {
    const facts = this.#catalogue.classOf(type);
    if (facts === undefined) {
      const remedy = `It rehearses the resources of ${this.#definition.sdk} ${this.version}; no class there has this type.`;
      throw new UnknownTokenError("resource type", type, remedy);
    }
    return { facts, model: this.#definition.models.get(type) ?? this.#definition.fallback(facts) };
  }

  #open(): Session {
    if (this.#session === undefined) throw new Error("the engine did not configure this provider before it was used");
    return this.#session;
  }
}

/** A name that the class demands is the program's matter. */
function autoNameOf(facts: ClassFacts, model: ResourceModel): AutoName | undefined {
  if (model.autoName === "none") return undefined;
  if (model.autoName !== undefined) return model.autoName;
  return facts.inputs.has("name") && !facts.required.has("name") ? USUAL_NAME : undefined;
}
