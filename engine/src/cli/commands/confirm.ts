/** Questions before something that cannot be taken back. */
import { ConfirmationRequiredError, DeclinedError } from "../../backend/errors.ts";
import type { CommandContext } from "../context.ts";

/** `--yes`, or PULUMI_SKIP_CONFIRMATIONS in its place. */
export function skipsConfirmation(context: CommandContext, yes: boolean | undefined): boolean {
  return (yes ?? false) || isTrue(context.env["PULUMI_SKIP_CONFIRMATIONS"]);
}

/** Whether a variable of the environment that stands for a flag is set. */
export function isTrue(text: string | undefined): boolean {
  return text === "true" || text === "1";
}

/**
 * Asks unless `yes`.
 * @param wanted What must be typed; otherwise yes or no is asked.
 * @throws DeclinedError, ConfirmationRequiredError where nobody can be asked.
 */
export async function confirm(
  context: CommandContext,
  yes: boolean | undefined,
  question: { readonly text: string; readonly what: string; readonly wanted?: string },
): Promise<void> {
  if (skipsConfirmation(context, yes)) return;
  const { terminal } = context;
  if (!terminal.interactive) throw new ConfirmationRequiredError("non-interactive mode requires --yes flag");
  terminal.out(`${question.text}\n`);
  const { wanted } = question;
  const prompt =
    wanted === undefined
      ? "Confirm? [yes/no] "
      : `Please confirm that this is what you'd like to do by typing \`${wanted}\`: `;
  const answer = ((await terminal.ask(prompt)) ?? "").trim();
  const agreed = wanted === undefined ? ["y", "yes"].includes(answer.toLowerCase()) : answer === wanted;
  if (!agreed) throw new DeclinedError(question.what);
}
