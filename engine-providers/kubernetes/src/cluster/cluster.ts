/** A cluster that can be reached: objects of any kind, by the API alone. */
import type { KubeConfig } from "@kubernetes/client-node";
import { isManifest, list, referenceOf, text } from "../manifest/manifest.ts";
import type { Manifest, ObjectReference } from "../manifest/manifest.ts";
import type { Propagation } from "../manifest/annotations.ts";
import { Discovery } from "./discovery.ts";
import { isNotFound } from "./errors.ts";
import { ApiTransport } from "./http.ts";
import type { ApiAnswer, ApiRequest } from "./http.ts";
import { InformerPool } from "./informer.ts";

export interface WriteOptions {
  readonly fieldManager: string;
  /** Only says what would come of it. */
  readonly dryRun: boolean;
  /** Takes over fields that others manage. Only for `apply`. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class Cluster {
  readonly discovery: Discovery;
  readonly informers: InformerPool;
  readonly #transport: ApiTransport;
  readonly #onWarning: (warning: string) => void;

  /** @param onWarning What the server warns of when objects are written. */
  constructor(access: KubeConfig, timeoutSeconds: number | undefined, onWarning: (warning: string) => void) {
    this.#transport = new ApiTransport(access, timeoutSeconds);
    this.discovery = new Discovery(this.#transport);
    this.informers = new InformerPool(this.#transport, this.discovery);
    this.#onWarning = onWarning;
  }

  /** `v1.34.4`. @throws ApiError, UnreachableError */
  async version(): Promise<string> {
    const { body } = await this.#transport.request({ method: "GET", path: "/version" });
    return text(body, "gitVersion");
  }

  async get(reference: ObjectReference, signal?: AbortSignal): Promise<Manifest> {
    const path = await this.discovery.path(reference);
    return (await this.#transport.request({ method: "GET", path, signal })).body;
  }

  /** Undefined when there is none. */
  async find(reference: ObjectReference, signal?: AbortSignal): Promise<Manifest | undefined> {
    try {
      return await this.get(reference, signal);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** All of a kind, in one namespace or in all. */
  async list(of: Omit<ObjectReference, "name">, fieldSelector?: string): Promise<Manifest[]> {
    const path = await this.discovery.path(of);
    const { body } = await this.#transport.request({ method: "GET", path, query: { fieldSelector } });
    const { apiVersion, kind } = of;
    // The items of a list come without their kind.
    return list(body, "items")
      .filter(isManifest)
      .map((item) => ({ ...item, apiVersion, kind }));
  }

  async create(manifest: Manifest, options: WriteOptions): Promise<Manifest> {
    const { apiVersion, kind, namespace } = referenceOf(manifest);
    return this.#write(
      { method: "POST", path: await this.discovery.path({ apiVersion, kind, namespace }), body: manifest },
      options,
    );
  }

  /** Server-side apply: the manager's fields become these, and no others are touched. */
  async apply(manifest: Manifest, options: WriteOptions): Promise<Manifest> {
    const path = await this.discovery.path(referenceOf(manifest));
    // JSON is YAML, which is what the server wants to be told.
    const contentType = "application/apply-patch+yaml";
    const query = { force: options.force === true ? "true" : "false" };
    return this.#write({ method: "PATCH", path, body: manifest, contentType, query }, options);
  }

  async replace(manifest: Manifest, options: WriteOptions): Promise<Manifest> {
    const path = await this.discovery.path(referenceOf(manifest));
    return this.#write({ method: "PUT", path, body: manifest }, options);
  }

  /** JSON Patch (RFC 6902). */
  async patch(reference: ObjectReference, operations: readonly Manifest[]): Promise<Manifest> {
    const path = await this.discovery.path(reference);
    const contentType = "application/json-patch+json";
    return (await this.#transport.request({ method: "PATCH", path, body: operations, contentType })).body;
  }

  async delete(reference: ObjectReference, propagationPolicy: Propagation): Promise<void> {
    const path = await this.discovery.path(reference);
    const body = { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy };
    await this.#transport.request({ method: "DELETE", path, body });
  }

  async #write(request: ApiRequest, { fieldManager, dryRun, signal }: WriteOptions): Promise<Manifest> {
    const query = { ...request.query, fieldManager, dryRun: dryRun ? "All" : undefined, fieldValidation: "Warn" };
    const answer: ApiAnswer = await this.#transport.request({ ...request, query, signal });
    for (const warning of answer.warnings) this.#onWarning(warning);
    return answer.body;
  }
}
