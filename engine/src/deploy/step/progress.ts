import type { ResourceState } from "../../model.ts";

/** What was decided so far, by URN. */
export class Progress {
  /** Everything that the program registered. */
  readonly urns = new Set<string>();
  readonly reads = new Set<string>();
  readonly creates = new Set<string>();
  readonly sames = new Set<string>();
  readonly updates = new Set<string>();
  readonly replaces = new Set<string>();
  readonly deletes = new Set<string>();
  readonly imports = new Set<string>();
  readonly refreshes = new Set<string>();
  /** New, but not among the targets. */
  readonly skippedCreates = new Set<string>();
  /** Old states that are deleted already, or about to be. */
  readonly condemned = new Set<ResourceState>();
  /** Why a resource is replaced that was deleted since it depends on another. */
  readonly dependentReplaceKeys = new Map<string, readonly string[]>();
  /** Former URN to today's, and the other way round, for what an alias found. */
  readonly renamedTo = new Map<string, string>();
  readonly renamedFrom = new Map<string, string>();
  /** Provider resources of this operation, by URN. */
  readonly providers = new Map<string, ResourceState>();

  hasStep(urn: string): boolean {
    return (
      this.creates.has(urn) ||
      this.sames.has(urn) ||
      this.updates.has(urn) ||
      this.deletes.has(urn) ||
      this.replaces.has(urn) ||
      this.reads.has(urn)
    );
  }

  /** Whether an old resource lives on, under its own URN or another. */
  isOperatedOn(formerUrn: string): boolean {
    const urn = this.renamedTo.get(formerUrn) ?? formerUrn;
    return (
      this.sames.has(urn) ||
      this.updates.has(urn) ||
      this.replaces.has(urn) ||
      this.reads.has(urn) ||
      this.refreshes.has(urn)
    );
  }
}
