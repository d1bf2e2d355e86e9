/** One line per step: for logs, pipes and CI. */
import { nameOf, typeOf } from "./event-views.ts";
import { configText, displayOf, type Display, type DisplayOptions, type RevealedOutputs } from "./display.ts";
import { OperationModel, statusText, type Row } from "./operation-model.ts";
import { outputsText, summaryText } from "./summary.ts";
import { opWords } from "./words.ts";

export function plainDisplay(options: DisplayOptions): Display {
  const { out, paint, isPreview } = options;
  const model = new OperationModel(Date.now, options);
  out(`${paint("bold", `${options.action} (${options.stack}):`)}\n\n`);

  const line = (row: Row): string => {
    const { mark, color } = opWords[row.op];
    const time = isPreview || row.endedAt === undefined ? "" : ` (${seconds(row.endedAt - row.startedAt)})`;
    const diffs = row.diffs.length > 0 && row.op !== "same" ? ` [diff: ~${row.diffs.join(",")}]` : "";
    const message = row.message === "" ? "" : ` ${row.message}`;
    const subject = options.shown?.urns ? row.urn : `${typeOf(row.urn)} ${nameOf(row.urn)}`;
    return ` ${paint(color, `${mark} ${subject} ${statusText(row, isPreview)}`)}${time}${diffs}${message}\n`;
  };

  return displayOf(
    (event) => {
      if (event.kind === "text") out(event.text);
      if (event.kind === "config" && options.shown?.config) out(configText(event.config, paint));
      const row = model.add(event);
      // a preview's step is over when it begins: one line says it
      if (row === undefined || !model.isShown(row) || (isPreview && event.kind === "end")) return;
      out(line(row));
    },
    ({ outputs }) => out(closingText(model, options, outputs)),
  );
}

/** Policies, diagnostics, outputs and counts: the end of the plain lines and of the live tree. */
export function closingText(model: OperationModel, options: DisplayOptions, revealed?: RevealedOutputs): string {
  const { paint } = options;
  const { summary, policies } = model;
  return [
    "\n",
    policies.text(summary?.PolicyPacks ?? {}, paint),
    model.diagnostics.text(model.rootUrn(), paint),
    options.suppressOutputs ? "" : outputsText(model.root, paint, revealed),
    // Where a policy stops the operation, counts would only distract from it.
    summary === undefined || policies.hasMandatory ? "" : `${summaryText(summary, model.errored, paint)}\n`,
  ].join("");
}

export function seconds(milliseconds: number): string {
  return milliseconds < 10_000 ? `${(milliseconds / 1_000).toFixed(2)}s` : `${Math.round(milliseconds / 1_000)}s`;
}
