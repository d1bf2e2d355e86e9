import type { ResourceState } from "../../model.ts";
import { isDefaultProvider } from "../urn.ts";
import type { Differences, Step } from "./step.ts";

/** Says that a resource is replaced. The work is done by the create and the delete beside it. */
export class ReplaceStep implements Step {
  readonly op = "replace";
  readonly countedAs = "replace";
  readonly logical = true;
  readonly old: ResourceState;
  readonly new: ResourceState;
  readonly keys: readonly string[];
  readonly diffs: readonly string[];
  readonly detailedDiff: Differences["detailedDiff"];

  constructor(old: ResourceState, state: ResourceState, differences: Differences) {
    this.old = old;
    this.new = state;
    this.keys = differences.keys;
    this.diffs = differences.diffs;
    this.detailedDiff = differences.detailedDiff;
  }

  get urn(): string {
    return this.new.urn;
  }
  get type(): string {
    return this.new.type;
  }
  get provider(): string {
    return this.new.provider ?? "";
  }
  get internal(): boolean {
    return isDefaultProvider(this.urn);
  }
  begin(): Promise<void> {
    return Promise.resolve();
  }
  apply(): Promise<void> {
    return Promise.resolve();
  }
  end(): void {
    // The state changes with the create and the delete.
  }
  settle(): void {
    // The create tells the program.
  }
}
