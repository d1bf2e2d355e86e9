/** Providers for resources that name none: one for each package and version, made when first needed. */
import type { PropertyValue } from "../../model.ts";
import { Secret } from "../../model.ts";
import { DeploymentError } from "../errors.ts";
import { emptyGoal } from "../goal.ts";
import type { Goal, RegisterResult } from "../goal.ts";
import { PROVIDER_TYPE_PREFIX } from "../urn.ts";
import { DYNAMIC_PACKAGE } from "./plugin.ts";

interface ProviderRequest {
  package: string;
  version: string;
  pluginDownloadUrl: string;
}

export class DefaultProviders {
  readonly #config: ReadonlyMap<string, { value: string; secret: boolean }>;
  readonly #register: (goal: Goal) => Promise<RegisterResult>;
  readonly #references = new Map<string, Promise<string>>();

  constructor(
    config: ReadonlyMap<string, { value: string; secret: boolean }>,
    register: (goal: Goal) => Promise<RegisterResult>,
  ) {
    this.#config = config;
    this.#register = register;
  }

  /**
   * The provider's reference.
   * @throws DeploymentError when the stack's configuration denies default providers to the package.
   */
  async reference(request: ProviderRequest, resourceType: string): Promise<string> {
    if (this.#isDenied(request.package))
      throw new DeploymentError(
        "DEFAULT_PROVIDER_DENIED",
        `Default provider for '${request.package}' disabled. '${resourceType}' must use an explicit provider.`,
        "Pass a provider to the resource, or take the package out of pulumi:disable-default-providers.",
      );
    const key = `${request.package}@${request.version}@${request.pluginDownloadUrl}`;
    let reference = this.#references.get(key);
    if (reference === undefined) {
      reference = this.#make(request);
      this.#references.set(key, reference);
    }
    return reference;
  }

  async #make(request: ProviderRequest): Promise<string> {
    const inputs: Record<string, PropertyValue> = {};
    for (const [key, { value, secret }] of this.#config) {
      const [namespace = "", ...name] = key.split(":");
      // A dynamic provider is the program's own: it sees all of the program's configuration.
      const own =
        request.package === DYNAMIC_PACKAGE ? key : namespace === request.package ? name.join(":") : undefined;
      if (own !== undefined) inputs[own] = secret ? new Secret(value) : value;
    }
    if (request.version !== "") inputs["version"] = request.version;
    if (request.pluginDownloadUrl !== "") inputs["__internal"] = { pluginDownloadURL: request.pluginDownloadUrl };
    const goal = { ...emptyGoal(PROVIDER_TYPE_PREFIX + request.package, defaultName(request)), inputs };
    const { state } = await this.#register(goal);
    return `${state.urn}::${state.id ?? ""}`;
  }

  #isDenied(name: string): boolean {
    const denied = this.#config.get("pulumi:disable-default-providers")?.value;
    if (denied === undefined || denied === "" || name === "pulumi") return false;
    const list: unknown = JSON.parse(denied);
    return Array.isArray(list) && list.some((entry) => entry === "*" || entry === name);
  }
}

function defaultName({ version, pluginDownloadUrl }: ProviderRequest): string {
  const parts = [version, pluginDownloadUrl].filter((part) => part !== "");
  return ["default", ...parts.map((part) => part.replaceAll(/[^A-Za-z0-9]/g, "_"))].join("_");
}
