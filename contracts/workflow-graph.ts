/** A step among others, as far as its place in the graph goes. */
export interface GraphStep {
  readonly id: string;
  readonly dependsOn: readonly string[];
}

/** The steps with every one after those that it depends on, else in their order; those of a cycle are missing. */
export function inOrder<Step extends GraphStep>(steps: readonly Step[]): Step[] {
  const byId = new Map(steps.map((step) => [step.id, step]));
  const missing = new Map(steps.map((step) => [step.id, new Set(step.dependsOn.filter((id) => byId.has(id))).size]));
  const dependants = new Map<string, Step[]>();
  for (const step of steps) {
    for (const id of new Set(step.dependsOn)) dependants.set(id, [...(dependants.get(id) ?? []), step]);
  }
  const ordered = steps.filter(({ id }) => missing.get(id) === 0);
  for (const step of ordered) {
    for (const dependant of dependants.get(step.id) ?? []) {
      const left = (missing.get(dependant.id) ?? 0) - 1;
      missing.set(dependant.id, left);
      if (left === 0) ordered.push(dependant); // the loop comes to it
    }
  }
  return ordered;
}

/** For each step all that it depends on, directly or through others. The graph must have no cycle. */
export function ancestors(steps: readonly GraphStep[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { id, dependsOn } of inOrder(steps)) {
    found.set(id, new Set(dependsOn.flatMap((before) => [before, ...(found.get(before) ?? [])])));
  }
  return found;
}
