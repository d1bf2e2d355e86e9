import type { ResourceState } from "../model.ts";
import { DependencyGraph } from "./dependency-graph.ts";
import { replaceWithOf } from "./goal.ts";
import { without } from "./without.ts";

/** The stack's resources as they were before the operation. */
export class OldResources {
  #states: ResourceState[] = [];
  #byUrn = new Map<string, ResourceState>();
  #allByUrn = new Map<string, ResourceState[]>();
  #graph = new DependencyGraph([]);

  constructor(states: readonly ResourceState[]) {
    // The engine marks its states as it goes; the caller's stay as they are.
    this.#index(states.map((state) => ({ ...state })));
  }

  get states(): readonly ResourceState[] {
    return this.#states;
  }

  get graph(): DependencyGraph {
    return this.#graph;
  }

  /** The resource itself, not an old one that only waits to be deleted. */
  get(urn: string): ResourceState | undefined {
    return this.#byUrn.get(urn);
  }

  has(urn: string): boolean {
    return this.#allByUrn.has(urn);
  }

  /** After a refresh: gone resources are left out, and nothing names them any more. */
  replace(found: ReadonlyMap<ResourceState, ResourceState | undefined>): void {
    const states: ResourceState[] = [];
    const present = new Set<string>();
    const grandparents = new Map<string, string>();
    for (const old of this.#states) {
      const state = found.has(old) ? found.get(old) : old;
      if (state === undefined) {
        grandparents.set(old.urn, old.parent ?? "");
        continue;
      }
      const kept = withoutGone(state, present, grandparents);
      states.push(kept);
      present.add(kept.urn);
    }
    this.#index(states);
  }

  #index(states: ResourceState[]): void {
    this.#states = states;
    this.#byUrn = new Map(states.filter((state) => !state.delete).map((state) => [state.urn, state]));
    this.#allByUrn = Map.groupBy(states, (state) => state.urn);
    this.#graph = new DependencyGraph(states);
  }
}

function withoutGone(
  state: ResourceState,
  present: ReadonlySet<string>,
  grandparents: ReadonlyMap<string, string>,
): ResourceState {
  const kept: ResourceState = without(state, "parent", "propertyDependencies");
  let parent = state.parent ?? "";
  while (parent !== "" && !present.has(parent)) parent = grandparents.get(parent) ?? "";
  if (parent !== "") kept.parent = parent;
  if (kept.dependencies) kept.dependencies = kept.dependencies.filter((urn) => present.has(urn));
  // As Pulumi does it, a refresh forgets which properties had no dependencies.
  const byProperty = Object.entries(state.propertyDependencies ?? {})
    .map(([key, urns]) => [key, urns.filter((urn) => present.has(urn))] as const)
    .filter(([, urns]) => urns.length > 0);
  if (byProperty.length > 0) kept.propertyDependencies = Object.fromEntries(byProperty);
  if (kept.deletedWith && !present.has(kept.deletedWith)) delete kept.deletedWith;
  if (replaceWithOf(kept).length > 0)
    kept.extra = { ...kept.extra, replaceWith: replaceWithOf(kept).filter((urn) => present.has(urn)) };
  return kept;
}
