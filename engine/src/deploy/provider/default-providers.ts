/** Providers for resources that name none: one for each package and version, made when first needed. */
import type { PropertyValue } from "../../model.ts";
import { Secret } from "../../model.ts";
import { DeploymentError } from "../errors.ts";
import { emptyGoal } from "../goal.ts";
import type { Goal, RegisterResult } from "../goal.ts";
import { PROVIDER_TYPE_PREFIX } from "../urn.ts";
import { DYNAMIC_PACKAGE } from "./plugin.ts";
import { packageName, packageVersion, withPlugin } from "./provider-inputs.ts";
import type { PackageRequest } from "./provider-inputs.ts";

type Config = ReadonlyMap<string, { value: string; secret: boolean }>;

export class DefaultProviders {
  readonly #config: Config;
  readonly #register: (goal: Goal) => Promise<RegisterResult>;
  readonly #references = new Map<string, Promise<string>>();

  constructor(config: Config, register: (goal: Goal) => Promise<RegisterResult>) {
    this.#config = config;
    this.#register = register;
  }

  /**
   * The provider's reference.
   * @param user What is to use it: a type, or a function.
   * @throws DeploymentError when the stack's configuration denies default providers to the package.
   */
  async reference(request: PackageRequest, user: string): Promise<string> {
    const name = packageName(request);
    if (this.#isDenied(name))
      throw new DeploymentError(
        "DEFAULT_PROVIDER_DENIED",
        `Default provider for '${name}' disabled. '${user}' must use an explicit provider.`,
        "Pass a provider to the resource, or take the package out of pulumi:disable-default-providers.",
      );
    const key = `${name}@${packageVersion(request)}@${request.pluginDownloadUrl}`;
    let reference = this.#references.get(key);
    if (reference === undefined) {
      reference = this.#make(request);
      this.#references.set(key, reference);
    }
    return reference;
  }

  async #make(request: PackageRequest): Promise<string> {
    const name = packageName(request);
    const inputs: Record<string, PropertyValue> = {};
    for (const [key, { value, secret }] of this.#config) {
      const [namespace = "", ...rest] = key.split(":");
      // A dynamic provider is the program's own: it sees all of the program's configuration.
      const own = name === DYNAMIC_PACKAGE ? key : namespace === name ? rest.join(":") : undefined;
      if (own !== undefined) inputs[own] = secret ? new Secret(value) : value;
    }
    const goal = {
      ...emptyGoal(PROVIDER_TYPE_PREFIX + name, defaultName(request)),
      inputs: withPlugin(inputs, request),
    };
    const { state } = await this.#register(goal);
    return `${state.urn}::${state.id ?? ""}`;
  }

  #isDenied(name: string): boolean {
    const denied = this.#config.get("pulumi:disable-default-providers")?.value;
    if (denied === undefined || denied === "" || name === "pulumi") return false;
    let list: unknown;
    try {
      list = JSON.parse(denied);
    } catch (cause) {
      throw new Error(`pulumi:disable-default-providers is no JSON list: ${denied}`, { cause });
    }
    if (!Array.isArray(list) || list.some((entry) => typeof entry !== "string"))
      throw new Error(`pulumi:disable-default-providers must be a list of strings: ${denied}`);
    return (list as string[]).some((entry) => entry.trim() === "*" || entry.trim() === name);
  }
}

function defaultName(request: PackageRequest): string {
  const version = packageVersion(request).replaceAll(/[^A-Za-z0-9]/g, "_");
  const url = request.pluginDownloadUrl
    .split("/")
    .filter((segment) => segment !== "")
    .map((segment) => segment.replaceAll(/[^A-Za-z0-9_.-]/g, "_").replace(/^-/, "_"))
    .join("/");
  return ["default", version, url].filter((part) => part !== "").join("_");
}
