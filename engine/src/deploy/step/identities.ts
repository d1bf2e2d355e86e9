/** Which URN a registered resource has, and which resource of the old state it is. */
import type { ResourceState } from "../../model.ts";
import { aliasUrns } from "../alias.ts";
import { ReportedError } from "../errors.ts";
import type { Goal } from "../goal.ts";
import type { OldResources } from "../old-resources.ts";
import { createUrn } from "../urn.ts";
import type { Progress } from "./progress.ts";
import type { StepContext } from "./step.ts";

interface IdentitiesDeps {
  stack: string;
  project: string;
  context: StepContext;
  olds: OldResources;
  progress: Progress;
}

export class Identities {
  readonly #deps: IdentitiesDeps;

  constructor(deps: IdentitiesDeps) {
    this.#deps = deps;
  }

  /** @throws ReportedError when two resources have the same name. */
  claimUrn(parent: string, type: string, name: string): string {
    const { stack, project, context, progress } = this.#deps;
    if (parent !== "" && !progress.urns.has(parent)) throw new Error(`could not find parent resource ${parent}`);
    const urn = createUrn(stack, project, parent, type, name);
    if (progress.urns.has(urn)) {
      const message = `Duplicate resource URN '${urn}'; try giving it a unique name`;
      context.diagnostics.error(urn, message);
      throw new ReportedError(message);
    }
    progress.urns.add(urn);
    return urn;
  }

  /** By today's URN, or by an alias. @throws ReportedError when two resources claim the same. */
  findOld(urn: string, goal: Pick<Goal, "name" | "type" | "parent" | "aliases">): ResourceState | undefined {
    const { stack, project, context, olds, progress } = this.#deps;
    const fail = (message: string) => {
      context.diagnostics.error(urn, message);
      throw new ReportedError(message);
    };
    const taken = progress.renamedTo.get(urn);
    if (taken !== undefined)
      fail(`Duplicate resource URN '${urn}' conflicting with alias on resource with URN '${taken}'`);
    const own = olds.get(urn);
    if (own !== undefined) return own;
    const scope = { stack, project, formerUrn: (current: string) => progress.renamedFrom.get(current) };
    for (const former of aliasUrns(scope, goal, goal.aliases)) {
      const old = olds.get(former);
      if (old === undefined) continue;
      const other = progress.urns.has(former) ? urn : progress.renamedTo.get(former);
      if (other !== undefined)
        fail(
          `Duplicate resource alias '${former}' applied to resource with URN '${urn}' conflicting with resource with URN '${other}'`,
        );
      progress.renamedTo.set(former, urn);
      progress.renamedFrom.set(urn, former);
      context.journal.rename(former, urn);
      return old;
    }
    return undefined;
  }
}
