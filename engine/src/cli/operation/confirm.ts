/** The question between a preview and what it showed. */
import { DeclinedError } from "../../backend/errors.ts";
import { diffDisplay } from "../../display/diff.ts";
import { painter } from "../../display/words.ts";
import type { EngineEvent, OperationKind } from "../../model.ts";
import type { Terminal } from "../terminal.ts";

/**
 * Asks whether to go on: yes, no or details.
 * @throws DeclinedError unless the answer is yes.
 */
export async function confirmOperation(
  terminal: Terminal,
  operation: { readonly kind: OperationKind; readonly stack: string; readonly withoutPreview: boolean },
  previewed: readonly EngineEvent[],
): Promise<void> {
  const paint = painter(terminal.color);
  const noun = operation.kind;
  const choices = operation.withoutPreview ? "yes/no" : "yes/no/details";
  terminal.out(
    paint("bold", `Do you want to perform this ${noun}${operation.withoutPreview ? " without a preview" : ""}?\n`),
  );
  if (noun === "refresh")
    terminal.out("No resources will be modified as part of this refresh; just your stack's state will be.\n");
  for (;;) {
    const answer = (await terminal.ask(`[${choices}, default no] `))?.trim().toLowerCase();
    if (answer === "y" || answer === "yes") return;
    if (answer === undefined || answer === "" || answer === "n" || answer === "no") throw new DeclinedError(noun);
    if (!operation.withoutPreview && "details".startsWith(answer)) {
      const details = diffDisplay({
        out: terminal.out,
        paint,
        action: "Details of the preview",
        stack: operation.stack,
        isPreview: true,
        suppressOutputs: false,
      });
      for (const event of previewed) details.event(event);
      details.close();
    } else terminal.err(`'${answer}' is none of ${choices}\n`);
  }
}
