/** A provider plugin, spoken to over Pulumi's provider protocol. */
import * as grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type {
  CheckResponse,
  ConfigureResponse,
  CreateResponse,
  DiffResponse,
  ErrorResourceInitFailed,
  InvokeResponse,
  ReadResponse,
  UpdateResponse,
} from "@pulumi/pulumi/proto/provider_pb.js";
import type { PropertyMap } from "../../model.ts";
import { NO_CHANGES } from "../property/diff.ts";
import type { DiffResult } from "../property/diff.ts";
import { annotateSecrets, containsUnknowns, withoutSecrets } from "../property/value.ts";
import { marshalProperties, toWire, unmarshalProperties } from "../property/wire.ts";
import { call, CHANNEL_OPTIONS } from "../protocol/grpc.ts";
import type { Struct } from "../protocol/protobuf.ts";
import { emptyPb } from "../protocol/protobuf.ts";
import { packageOf, urnName, urnType } from "../urn.ts";
import { diffResult, failuresOf, identify, isUnimplemented } from "./answers.ts";
import { describeReasons, initFailure } from "./init-failure.ts";
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

/** What the plugin can take. Unset until it is configured. */
interface Protocol {
  acceptSecrets: boolean;
  acceptResources: boolean;
  supportsPreview: boolean;
  /** False at preview when a value of its configuration is not known yet: it must not be asked then. */
  configured: boolean;
}

export class GrpcProvider implements ConfigurableProvider {
  readonly #client: providerGrpc.ResourceProviderClient;
  #protocol: Protocol = { acceptSecrets: false, acceptResources: false, supportsPreview: false, configured: false };

  constructor(address: string) {
    this.#client = new providerGrpc.ResourceProviderClient(address, grpc.credentials.createInsecure(), CHANNEL_OPTIONS);
  }

  async checkConfig(urn: string, olds: PropertyMap, news: PropertyMap) {
    const request = new providerPb.CheckRequest();
    identify(request, urn);
    request.setOlds(marshalProperties(olds, { keepUnknowns: true }));
    request.setNews(marshalProperties(news, { keepUnknowns: true }));
    try {
      const response = await call<CheckResponse>((done) => this.#client.checkConfig(request, done));
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
      return diffResult(await call<DiffResponse>((done) => this.#client.diffConfig(request, done)));
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
    const response = await call<ConfigureResponse>((done) => this.#client.configure(request, done));
    this.#protocol = {
      acceptSecrets: response.getAcceptsecrets(),
      acceptResources: response.getAcceptresources(),
      supportsPreview: response.getSupportspreview(),
      configured: true,
    };
  }

  async check(query: CheckRequest) {
    if (!this.#protocol.configured) return { inputs: query.news, failures: [] };
    const request = new providerPb.CheckRequest();
    identify(request, query.urn);
    request.setOlds(this.#marshal(query.olds ?? {}, query.preview));
    request.setNews(this.#marshal(query.news, query.preview));
    const response = await call<CheckResponse>((done) => this.#client.check(request, done));
    const inputs = this.#withSecrets(unmarshalProperties(response.getInputs()), query.news);
    return { inputs, failures: failuresOf(response.getFailuresList()) };
  }

  async diff(query: DiffRequest): Promise<DiffResult> {
    if (!this.#protocol.configured) throw new DiffUnavailableError();
    const request = new providerPb.DiffRequest();
    identify(request, query.urn);
    request.setId(query.id);
    request.setOldInputs(this.#marshal(query.oldInputs, query.preview));
    request.setOlds(this.#marshal(query.oldOutputs, query.preview));
    request.setNews(this.#marshal(query.newInputs, query.preview));
    request.setIgnorechangesList([...query.ignoreChanges]);
    return diffResult(await call<DiffResponse>((done) => this.#client.diff(request, done)));
  }

  async create(query: CreateRequest): Promise<Applied> {
    if (query.preview && !this.#protocol.configured) return { id: "", outputs: {} };
    if (query.preview && !this.#protocol.supportsPreview) return { id: "", outputs: query.inputs };
    const request = new providerPb.CreateRequest();
    identify(request, query.urn);
    request.setProperties(this.#marshal(query.inputs, query.preview));
    request.setTimeout(query.timeoutSeconds);
    request.setPreview(query.preview);
    return this.#apply(query.inputs, () =>
      call<CreateResponse>((done) => this.#client.create(request, done)).then((response) => ({
        id: response.getId(),
        properties: response.getProperties(),
      })),
    );
  }

  async update(query: UpdateRequest): Promise<Applied> {
    if (query.preview && !this.#protocol.configured) return { id: query.id, outputs: {} };
    if (query.preview && !this.#protocol.supportsPreview) return { id: query.id, outputs: query.newInputs };
    const request = new providerPb.UpdateRequest();
    identify(request, query.urn);
    request.setId(query.id);
    request.setOldInputs(this.#marshal(query.oldInputs, false));
    request.setOlds(this.#marshal(query.oldOutputs, false));
    request.setNews(this.#marshal(query.newInputs, query.preview));
    request.setTimeout(query.timeoutSeconds);
    request.setIgnorechangesList([...query.ignoreChanges]);
    request.setPreview(query.preview);
    return this.#apply(query.newInputs, () =>
      call<UpdateResponse>((done) => this.#client.update(request, done)).then((response) => ({
        id: query.id,
        properties: response.getProperties(),
      })),
    );
  }

  async read(query: ReadRequest): Promise<Applied | undefined> {
    if (!this.#protocol.configured) return { id: query.id, outputs: {}, inputs: {} };
    const request = new providerPb.ReadRequest();
    identify(request, query.urn);
    request.setId(query.id);
    request.setProperties(this.#marshal(query.state, false));
    if (query.inputs !== undefined) request.setInputs(this.#marshal(query.inputs, false));
    const applied = await this.#apply(query.state, async () => {
      const response = await call<ReadResponse>((done) => this.#client.read(request, done));
      return { id: response.getId(), properties: response.getProperties(), inputs: response.getInputs() };
    });
    if (applied.id === "") return undefined;
    if (applied.inputs === undefined || query.inputs === undefined) return applied;
    return { ...applied, inputs: this.#withSecrets(applied.inputs, query.inputs) };
  }

  async delete(query: DeleteRequest): Promise<void> {
    const request = new providerPb.DeleteRequest();
    identify(request, query.urn);
    request.setId(query.id);
    request.setProperties(this.#marshal(query.outputs, false));
    request.setOldInputs(this.#marshal(query.inputs, false));
    request.setTimeout(query.timeoutSeconds);
    await call((done) => this.#client.delete(request, done));
  }

  async invoke(token: string, args: PropertyMap, preview: boolean): Promise<InvokeResult> {
    const request = new providerPb.InvokeRequest();
    request.setTok(token);
    request.setArgs(this.#marshal(args, false));
    request.setPreview(preview);
    const response = await call<InvokeResponse>((done) => this.#client.invoke(request, done));
    return { result: unmarshalProperties(response.getReturn()), failures: failuresOf(response.getFailuresList()) };
  }

  async cancel(): Promise<void> {
    await call((done) => this.#client.cancel(new emptyPb.Empty(), done)).catch(() => undefined);
  }

  close(): void {
    this.#client.close();
  }

  /** A create, update or read that may have left the resource there but unhealthy. */
  async #apply(
    source: PropertyMap,
    run: () => Promise<{ id: string; properties: Struct | undefined; inputs?: Struct | undefined }>,
  ): Promise<Applied> {
    try {
      const { id, properties, inputs } = await run();
      const outputs = this.#withSecrets(unmarshalProperties(properties), source);
      return inputs === undefined ? { id, outputs } : { id, outputs, inputs: unmarshalProperties(inputs) };
    } catch (error) {
      const failure = initFailure(error);
      if (failure === undefined) throw error;
      return this.#unhealthy(failure, source);
    }
  }

  #unhealthy(failure: ErrorResourceInitFailed, source: PropertyMap): Applied {
    const reasons = failure.getReasonsList();
    const inputs = failure.getInputs();
    return {
      id: failure.getId(),
      outputs: this.#withSecrets(unmarshalProperties(failure.getProperties()), source),
      ...(inputs === undefined ? {} : { inputs: unmarshalProperties(inputs) }),
      initErrors: reasons,
      initErrorMessage: describeReasons(reasons),
    };
  }

  #marshal(properties: PropertyMap, keepUnknowns: boolean): Struct {
    const { acceptSecrets, acceptResources } = this.#protocol;
    return marshalProperties(properties, { keepUnknowns, keepSecrets: acceptSecrets, keepResources: acceptResources });
  }

  #withSecrets(properties: PropertyMap, source: PropertyMap): PropertyMap {
    return this.#protocol.acceptSecrets ? properties : annotateSecrets(properties, source);
  }
}
