/** What registered resources hand down to those below them. */
import type { Callback } from "@pulumi/pulumi/proto/callback_pb.js";
import type { Goal } from "../goal.ts";
import { packageOf, parseProviderReference, providerPackage, urnType } from "../urn.ts";

type Providers = ReadonlyMap<string, string>;

export class Ancestry {
  readonly #goals = new Map<string, Goal>();
  readonly #parents = new Map<string, string>();
  readonly #providers = new Map<string, Providers>();
  readonly #transforms = new Map<string, readonly Callback[]>();

  /** @param providers A component's, by package. */
  record(urn: string, parent: string, transforms: readonly Callback[], providers: Providers | undefined): void {
    this.#parents.set(urn, parent);
    this.#transforms.set(urn, transforms);
    if (providers !== undefined) this.#providers.set(urn, providers);
  }

  recordGoal(urn: string, goal: Goal): void {
    this.#goals.set(urn, goal);
  }

  goal(urn: string): Goal | undefined {
    return this.#goals.get(urn);
  }

  /** The transforms of all above, the nearest first. */
  transforms(parent: string): Callback[] {
    const result: Callback[] = [];
    for (let urn = parent; urn !== ""; urn = this.#parents.get(urn) ?? "")
      result.push(...(this.#transforms.get(urn) ?? []));
    return result;
  }

  /** What a component hands down: its own, and its parent's for other packages. */
  providersBelow(parent: string, own: Providers): Providers {
    return new Map([...(this.#providers.get(parent) ?? []), ...own]);
  }

  /** The provider that a function is to use, "" for the package's default one. */
  functionProvider(named: string, parent: string, token: string): string {
    return named || (this.#providers.get(parent)?.get(packageOf(token)) ?? "");
  }

  /**
   * The provider that a resource is to use, "" for the package's default one: the one that it names, its
   * parent's if that is of the same package, the one that it or a component above it has for the package.
   */
  provider(named: string, own: Providers | undefined, parent: string, type: string): string {
    const name = packageOf(type);
    const inherited = this.#goals.get(parent)?.provider ?? "";
    const fits = inherited !== "" && providerPackage(urnType(parseProviderReference(inherited).urn)) === name;
    const candidates = [named, fits ? inherited : "", own?.get(name), this.#providers.get(parent)?.get(name)];
    return candidates.find((reference) => reference !== undefined && reference !== "") ?? "";
  }
}
