/** Edits of a state by hand: confirmed, under the stack's lock, and checked before they are written. */
import { checkDeployment, type Deployment } from "../../backend/deployment.ts";
import { EngineError } from "../../backend/errors.ts";
import type { CommandContext } from "../context.ts";
import { confirm } from "./confirm.ts";

export interface EditOptions {
  readonly stack?: string;
  readonly yes?: boolean;
}

/** @throws StateIntegrityError instead of writing a state that no operation would take. */
export async function editState(
  context: CommandContext,
  options: EditOptions,
  edit: (deployment: Deployment) => Deployment,
): Promise<void> {
  const stack = await context.requireStack(options.stack);
  await confirm(context, options.yes, {
    text: "This command will edit your stack's state directly.",
    what: "edit of the state",
  });
  const store = await context.store();
  await store.locked(stack, async () => {
    const edited = edit(await store.read(stack));
    checkDeployment(edited, `the edited state of ${stack.name}`);
    await store.write(stack, edited);
  });
}

/** Names the URNs that are not there and, for each, the nearest that is. */
export function resourceNotFound(missing: readonly string[], known: Iterable<string>): EngineError {
  const urns = [...known];
  const lines = missing.map((urn) => {
    const name = urn.split("::").at(-1) ?? urn;
    const similar = urns.filter((candidate) => candidate.split("::").at(-1) === name && candidate !== urn).slice(0, 3);
    const hint = similar.length === 0 ? "" : `; did you mean ${similar.join(", ")}?`;
    return `No such resource "${urn}" exists in the current state: no resource with URN ${urn} in the stack${hint}`;
  });
  return new EngineError("RESOURCE_NOT_FOUND", lines.join("\n"), { remedy: "`pulumi stack --show-urns` lists them." });
}
