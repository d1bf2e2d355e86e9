/** A provider plugin, spoken to over Pulumi's provider protocol. */
import { randomBytes } from "node:crypto";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type {
  CallRequest,
  CallResponse,
  CheckResponse,
  ConfigureResponse,
  ConstructRequest,
  ConstructResponse,
  CreateResponse,
  DiffResponse,
  InvokeResponse,
  ProviderHandshakeResponse,
  ReadResponse,
  UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb.js";
import type { PropertyMap } from "../../model.ts";
import { NO_CHANGES } from "../property/diff.ts";
import type { DiffResult } from "../property/diff.ts";
import { fromOutputValues } from "../property/output-values.ts";
import type { WireMap } from "../property/output-values.ts";
import { annotateSecrets, containsUnknowns, withoutSecrets } from "../property/value.ts";
import { marshalProperties, toWire, unmarshalProperties } from "../property/wire.ts";
import type { Struct } from "../protocol/protobuf.ts";
import { emptyPb, structPb } from "../protocol/protobuf.ts";
import { packageOf, urnName, urnType } from "../urn.ts";
import { abilitiesByConfiguration, abilitiesByHandshake, NO_ABILITIES } from "./abilities.ts";
import type { Abilities } from "./abilities.ts";
import { applied, configureError, diffResult, failuresOf, identify, isUnimplemented } from "./answers.ts";
import type { PluginClient } from "./plugin-client.ts";
import { DiffUnavailableError } from "./provider.ts";
import type {
  Applied,
  CheckRequest,
  ConfigurableProvider,
  CreateRequest,
  DeleteRequest,
  DiffRequest,
  InvokeResult,
  ReadRequest,
  UpdateRequest,
} from "./provider.ts";

export class GrpcProvider implements ConfigurableProvider {
  readonly #client: PluginClient;
  #abilities: Abilities | undefined;
  #isConfigured = false;

  /** @param handshake What the plugin answered to it; undefined when it knows no handshake. */
  constructor(client: PluginClient, handshake: ProviderHandshakeResponse | undefined) {
    this.#client = client;
    this.#abilities = handshake && abilitiesByHandshake(handshake);
  }

  /** False at preview when a value of its configuration is not known yet: it must not be asked then. */
  get isConfigured(): boolean {
    return this.#isConfigured;
  }

  async checkConfig(urn: string, olds: PropertyMap, news: PropertyMap) {
    const request = new providerPb.CheckRequest();
    identify(request, urn);
    request.setOlds(marshalProperties(olds, { keepUnknowns: true }));
    request.setNews(marshalProperties(news, { keepUnknowns: true }));
    try {
      const response = await this.#client.ask<CheckResponse>((client, done) => client.checkConfig(request, done));
      const inputs = annotateSecrets(unmarshalProperties(response.getInputs()), news);
      return { inputs, failures: failuresOf(response.getFailuresList()) };
    } catch (error) {
      if (isUnimplemented(error)) return { inputs: news, failures: [] };
      throw error;
    }
  }

  async diffConfig(query: Omit<DiffRequest, "preview" | "id">): Promise<DiffResult> {
    const request = new providerPb.DiffRequest();
    identify(request, query.urn);
    request.setOldInputs(marshalProperties(query.oldInputs, { keepUnknowns: true }));
    request.setOlds(marshalProperties(query.oldOutputs, { keepUnknowns: true }));
    request.setNews(marshalProperties(query.newInputs, { keepUnknowns: true }));
    request.setIgnorechangesList([...query.ignoreChanges]);
    try {
      return diffResult(await this.#client.ask<DiffResponse>((client, done) => client.diffConfig(request, done)));
    } catch (error) {
      if (isUnimplemented(error)) return { ...NO_CHANGES, changes: "unknown" };
      throw error;
    }
  }

  async configure(urn: string, id: string, inputs: PropertyMap): Promise<void> {
    const request = new providerPb.ConfigureRequest();
    const prefix = `${packageOf(urnType(urn))}:config:`;
    for (const [key, value] of Object.entries(inputs)) {
      if (key === "version") continue;
      if (containsUnknowns(value)) return;
      const plain = toWire(withoutSecrets(value), {}) ?? null;
      request.getVariablesMap().set(prefix + key, typeof plain === "string" ? plain : JSON.stringify(plain));
    }
    request.setUrn(urn);
    request.setName(urnName(urn));
    request.setType(urnType(urn));
    request.setId(id);
    request.setAcceptsecrets(true);
    request.setAcceptresources(true);
    request.setSendsOldInputs(true);
    request.setSendsOldInputsToDelete(true);
    request.setArgs(marshalProperties(inputs, { keepSecrets: true, keepResources: true }));
    let response: ConfigureResponse;
    try {
      response = await this.#client.ask<ConfigureResponse>((client, done) => client.configure(request, done));
    } catch (error) {
      throw configureError(error);
    }
    this.#isConfigured = true;
    this.#abilities ??= abilitiesByConfiguration(response);
  }

  async check(query: CheckRequest) {
    if (!this.#isConfigured) return { inputs: query.news, failures: [] };
    const request = new providerPb.CheckRequest();
    identify(request, query.urn);
    request.setOlds(this.#marshal(query.olds ?? {}, query.preview));
    request.setNews(this.#marshal(query.news, query.preview));
    request.setRandomseed(randomBytes(32));
    const response = await this.#client.ask<CheckResponse>((client, done) => client.check(request, done));
    const inputs = this.#withSecrets(unmarshalProperties(response.getInputs()), query.news);
    return { inputs, failures: failuresOf(response.getFailuresList()) };
  }

  async diff(query: DiffRequest): Promise<DiffResult> {
    if (!this.#isConfigured) throw new DiffUnavailableError();
    const request = new providerPb.DiffRequest();
    identify(request, query.urn);
    request.setId(query.id);
    request.setOldInputs(this.#marshal(query.oldInputs, query.preview));
    request.setOlds(this.#marshal(query.oldOutputs, query.preview));
    request.setNews(this.#marshal(query.newInputs, query.preview));
    request.setIgnorechangesList([...query.ignoreChanges]);
    return diffResult(await this.#client.ask<DiffResponse>((client, done) => client.diff(request, done)));
  }

  async create(query: CreateRequest): Promise<Applied> {
    if (query.preview && !this.#isConfigured) return { id: "", outputs: {} };
    if (query.preview && !this.#accepts.supportsPreview) return { id: "", outputs: query.inputs };
    const request = new providerPb.CreateRequest();
    identify(request, query.urn);
    request.setProperties(this.#marshal(query.inputs, query.preview));
    request.setTimeout(query.timeoutSeconds);
    request.setPreview(query.preview);
    return applied(
      () => this.#client.ask<CreateResponse>((client, done) => client.create(request, done)),
      (response) => ({ id: response.getId(), refreshBeforeUpdate: response.getRefreshBeforeUpdate() }),
      (properties) => this.#withSecrets(properties, query.inputs),
    );
  }

  async update(query: UpdateRequest): Promise<Applied> {
    if (query.preview && !this.#isConfigured) return { id: query.id, outputs: {} };
    if (query.preview && !this.#accepts.supportsPreview) return { id: query.id, outputs: query.newInputs };
    const request = new providerPb.UpdateRequest();
    identify(request, query.urn);
    request.setId(query.id);
    request.setOldInputs(this.#marshal(query.oldInputs, false));
    request.setOlds(this.#marshal(query.oldOutputs, false));
    request.setNews(this.#marshal(query.newInputs, query.preview));
    request.setTimeout(query.timeoutSeconds);
    request.setIgnorechangesList([...query.ignoreChanges]);
    request.setPreview(query.preview);
    return applied(
      () => this.#client.ask<UpdateResponse>((client, done) => client.update(request, done)),
      (response) => ({ id: query.id, refreshBeforeUpdate: response.getRefreshBeforeUpdate() }),
      (properties) => this.#withSecrets(properties, query.newInputs),
    );
  }

  async read(query: ReadRequest): Promise<Applied | undefined> {
    if (!this.#isConfigured) return { id: query.id, outputs: {}, inputs: {} };
    const request = new providerPb.ReadRequest();
    identify(request, query.urn);
    request.setId(query.id);
    request.setProperties(this.#marshal(query.state, false));
    if (query.inputs !== undefined) request.setInputs(this.#marshal(query.inputs, false));
    request.setTimeout(query.timeoutSeconds);
    const found = await applied(
      () => this.#client.ask<ReadResponse>((client, done) => client.read(request, done)),
      (response) => ({
        id: response.getId(),
        inputs: response.getInputs(),
        refreshBeforeUpdate: response.getRefreshBeforeUpdate(),
      }),
      (properties) => this.#withSecrets(properties, query.state),
    );
    if (found.id === "") return undefined;
    if (found.inputs === undefined || query.inputs === undefined) return found;
    return { ...found, inputs: this.#withSecrets(found.inputs, query.inputs) };
  }

  async delete(query: DeleteRequest): Promise<void> {
    const request = new providerPb.DeleteRequest();
    identify(request, query.urn);
    request.setId(query.id);
    request.setProperties(this.#marshal(query.outputs, false));
    request.setOldInputs(this.#marshal(query.inputs, false));
    request.setTimeout(query.timeoutSeconds);
    await this.#client.ask((client, done) => client.delete(request, done));
  }

  async invoke(token: string, args: PropertyMap, preview: boolean): Promise<InvokeResult> {
    const request = new providerPb.InvokeRequest();
    request.setTok(token);
    request.setArgs(this.#marshal(args, false));
    request.setPreview(preview);
    const response = await this.#client.ask<InvokeResponse>((client, done) => client.invoke(request, done));
    return { result: unmarshalProperties(response.getReturn()), failures: failuresOf(response.getFailuresList()) };
  }

  async construct(request: ConstructRequest, inputs: WireMap): Promise<ConstructResponse | undefined> {
    if (!this.#isConfigured) return undefined;
    if (!this.#accepts.acceptSecrets) throw new Error("plugins that can construct components must support secrets");
    request.setInputs(this.#outputs(inputs));
    return this.#client.ask<ConstructResponse>((client, done) => client.construct(request, done));
  }

  async call(request: CallRequest, args: WireMap): Promise<CallResponse> {
    if (!this.#isConfigured) return new providerPb.CallResponse();
    request.setArgs(this.#outputs(args));
    return this.#client.ask<CallResponse>((client, done) => client.call(request, done));
  }

  async cancel(): Promise<void> {
    await this.#client.ask((client, done) => client.cancel(new emptyPb.Empty(), done)).catch(() => undefined);
  }

  get #accepts(): Abilities {
    return this.#abilities ?? NO_ABILITIES;
  }

  #outputs(properties: WireMap): Struct {
    return structPb.Struct.fromJavaScript(this.#accepts.acceptOutputs ? properties : fromOutputValues(properties));
  }

  #marshal(properties: PropertyMap, keepUnknowns: boolean): Struct {
    const { acceptSecrets, acceptResources } = this.#accepts;
    return marshalProperties(properties, { keepUnknowns, keepSecrets: acceptSecrets, keepResources: acceptResources });
  }

  #withSecrets(properties: PropertyMap, source: PropertyMap): PropertyMap {
    return this.#accepts.acceptSecrets ? properties : annotateSecrets(properties, source);
  }
}
