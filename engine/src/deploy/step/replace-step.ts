import type { ResourceState } from "../../model.ts";
import { ResourceStep } from "./step.ts";
import type { Differences } from "./step.ts";

/** Says that a resource is replaced. The work is done by the create and the delete beside it. */
export class ReplaceStep extends ResourceStep {
  readonly op = "replace";
  readonly countedAs = "replace";
  readonly logical = true;
  readonly old: ResourceState;
  readonly new: ResourceState;

  constructor(old: ResourceState, state: ResourceState, differences: Differences) {
    super(differences);
    this.old = old;
    this.new = state;
  }

  end(): void {
    // The state changes with the create and the delete.
  }
}
