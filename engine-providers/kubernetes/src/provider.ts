/** The provider behind the SDK @pulumi/kubernetes. */
import type * as plugin from "@automatos/provider-plugin";
import type { ConstructRequest, ConstructResponse } from "@pulumi/pulumi/proto/provider_pb.js";
import { construct } from "./components/component.ts";
import { checkConfig, diffConfig } from "./config/check-config.ts";
import { parseSettings } from "./config/settings.ts";
import { invoke } from "./functions.ts";
import { check } from "./resource/check.ts";
import { create } from "./resource/create.ts";
import { deleteResource } from "./resource/delete.ts";
import { diff } from "./resource/diff.ts";
import { read } from "./resource/read.ts";
import { update } from "./resource/update.ts";
import { isHelmRelease } from "./resource/types.ts";
import { Session } from "./session.ts";

/** Of the SDK that this provider answers to. */
const VERSION = "4.34.2";

export class KubernetesProvider implements plugin.Provider {
  readonly version = VERSION;
  #session: Session | undefined;

  async checkConfig(request: plugin.CheckRequest): Promise<plugin.Checked> {
    return checkConfig(request, process.env);
  }

  async diffConfig(request: Omit<plugin.DiffRequest, "id">): Promise<plugin.Diff> {
    return diffConfig(request);
  }

  async configure({ config, engine }: plugin.ConfigureRequest): Promise<void> {
    this.#session = await Session.open(parseSettings(config, process.env), process.env, engine);
  }

  async check(request: plugin.CheckRequest): Promise<plugin.Checked> {
    refuseRelease(request.type);
    return check(this.#configured, request);
  }

  async diff(request: plugin.DiffRequest): Promise<plugin.Diff> {
    return diff(this.#configured, request);
  }

  async create(request: plugin.CreateRequest): Promise<plugin.Created> {
    return create(this.#configured, request);
  }

  async update(request: plugin.UpdateRequest): Promise<plugin.PropertyMap> {
    return update(this.#configured, request);
  }

  async read(request: plugin.ReadRequest): Promise<plugin.Read | undefined> {
    refuseRelease(request.type);
    return read(this.#configured, request);
  }

  async delete(request: plugin.DeleteRequest): Promise<void> {
    refuseRelease(request.type);
    return deleteResource(this.#configured, request);
  }

  async invoke(request: plugin.InvokeRequest): Promise<plugin.Invoked> {
    return invoke(this.#configured, request);
  }

  async construct(request: ConstructRequest): Promise<ConstructResponse> {
    return construct(this.#configured, request);
  }

  get #configured(): Session {
    if (this.#session === undefined) throw new Error("the provider was not configured by the engine");
    return this.#session;
  }
}

function refuseRelease(type: string): void {
  if (isHelmRelease(type))
    throw new Error(
      "kubernetes:helm.sh/v3:Release keeps Helm's own releases, which this provider does not do: use helm.v4.Chart, whose " +
        "objects are resources of the stack",
    );
}
