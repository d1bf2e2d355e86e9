/** Who depends on whom in a snapshot, whose order has dependencies before dependants. */
import type { ResourceState } from "../model.ts";
import { replaceWithOf } from "./goal.ts";
import { parseProviderReference } from "./urn.ts";

/** The URNs that a resource needs, its parent apart. */
export function dependencyUrns(state: ResourceState): Set<string> {
  const urns = new Set(state.dependencies ?? []);
  for (const list of Object.values(state.propertyDependencies ?? {})) for (const urn of list) urns.add(urn);
  if (state.deletedWith) urns.add(state.deletedWith);
  for (const urn of replaceWithOf(state)) urns.add(urn);
  if (state.provider) urns.add(parseProviderReference(state.provider).urn);
  return urns;
}

export class DependencyGraph {
  readonly #resources: readonly ResourceState[];
  readonly #index = new Map<ResourceState, number>();
  readonly #byUrn = new Map<string, number[]>();
  /** Indices of all that is below a URN, however deep. */
  readonly #descendants = new Map<string, number[]>();
  /** Indices of those that name a URN, by dependency, property, provider or deletedWith. */
  readonly #dependants = new Map<string, number[]>();
  readonly #children = new Map<string, number[]>();

  constructor(resources: readonly ResourceState[]) {
    this.#resources = resources;
    const parents = new Map<string, string>();
    for (const [index, state] of resources.entries()) {
      this.#index.set(state, index);
      push(this.#byUrn, state.urn, index);
      for (const urn of dependencyUrns(state)) push(this.#dependants, urn, index);
      if (state.parent) push(this.#children, state.parent, index);
      parents.set(state.urn, state.parent ?? "");
      for (let parent = state.parent ?? ""; parent !== ""; parent = parents.get(parent) ?? "")
        push(this.#descendants, parent, index);
    }
  }

  contains(state: ResourceState): boolean {
    return this.#index.has(state);
  }

  /**
   * Everything that depends on the resource, however indirectly, in snapshot order.
   * @param ignore URNs that are not followed.
   */
  dependingOn(root: ResourceState, ignore: (urn: string) => boolean, includeChildren: boolean): ResourceState[] {
    const start = this.#index.get(root);
    if (start === undefined) return [];
    const found = new Set<number>();
    const queue = [root.urn];
    const seen = new Set(queue);
    for (let urn = queue.pop(); urn !== undefined; urn = queue.pop()) {
      const next = [...(this.#dependants.get(urn) ?? []), ...(includeChildren ? (this.#children.get(urn) ?? []) : [])];
      for (const index of next) {
        const candidate = this.#resources[index];
        if (candidate === undefined || index <= start || found.has(index) || ignore(candidate.urn)) continue;
        found.add(index);
        if (!seen.has(candidate.urn)) {
          seen.add(candidate.urn);
          queue.push(candidate.urn);
        }
      }
    }
    return [...found].sort((a, b) => a - b).flatMap((index) => this.#resources[index] ?? []);
  }

  /** What must outlive the resource: its direct dependencies with the children of components among them, its parent. */
  dependenciesOf(state: ResourceState): Set<ResourceState> {
    const at = this.#index.get(state);
    const result = new Set<ResourceState>();
    if (at === undefined) return result;
    const add = (index: number) => {
      const candidate = this.#resources[index];
      if (candidate !== undefined && index < at) result.add(candidate);
    };
    for (const urn of dependencyUrns(state)) {
      for (const index of this.#byUrn.get(urn) ?? []) {
        add(index);
        if (this.#resources[index]?.custom === false && index < at) this.#descendants.get(urn)?.forEach(add);
      }
    }
    if (state.parent) this.#byUrn.get(state.parent)?.forEach(add);
    return result;
  }

  /** Everything that the resource needs, however indirectly, parents included. */
  transitiveDependenciesOf(state: ResourceState): Set<ResourceState> {
    const result = new Set<ResourceState>();
    const queue = [state];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const urns = dependencyUrns(next);
      if (next.parent) urns.add(next.parent);
      for (const urn of urns) {
        const candidates = (this.#byUrn.get(urn) ?? []).flatMap((index) => this.#resources[index] ?? []);
        const chosen = candidates.find((candidate) => candidate.delete === next.delete) ?? candidates[0];
        if (chosen !== undefined && chosen !== state && !result.has(chosen)) {
          result.add(chosen);
          queue.push(chosen);
        }
      }
    }
    return result;
  }
}

function push<Key>(map: Map<Key, number[]>, key: Key, index: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [index]);
  else list.push(index);
}

/**
 * The order in which resources may be deleted: each group at once, one group after the other; whatever depends on a
 * resource is in an earlier group than the resource.
 */
export function deleteOrder(graph: DependencyGraph, condemned: readonly ResourceState[]): ResourceState[][] {
  const set = new Set(condemned);
  const depth = new Map<ResourceState, number>();
  const depthOf = (state: ResourceState): number => {
    const known = depth.get(state);
    if (known !== undefined) return known;
    depth.set(state, 0); // a cycle cannot be, but must not hang
    let result = 0;
    for (const dependency of graph.dependenciesOf(state)) {
      if (set.has(dependency)) result = Math.max(result, depthOf(dependency) + 1);
    }
    depth.set(state, result);
    return result;
  };
  const groups: ResourceState[][] = [];
  for (const state of condemned) (groups[depthOf(state)] ??= []).push(state);
  return groups.reverse();
}
