/** `--diff`: every step with the properties that it sets, changes or removes. */
import { isDefaultProvider, isHiddenStep, isRootStack, type StepView } from "./event-views.ts";
import { configText, displayOf, type Display, type DisplayOptions, type ShownDetails } from "./display.ts";
import { OperationModel } from "./operation-model.ts";
import { remediationText, violationText } from "./policy-report.ts";
import { propertyLines } from "./property-text.ts";
import { diagnosticText, outputsText, summaryText } from "./summary.ts";
import { opWords, quietOps, type Paint } from "./words.ts";

const indentation = "    ";

export function diffDisplay(options: DisplayOptions): Display {
  const { out, paint } = options;
  const { shown = {} } = options;
  const model = new OperationModel(Date.now, options);
  const parents = new Map<string, string>();
  const refreshing = new Set<string>();
  out(`${paint("bold", `${options.action} (${options.stack}):`)}\n`);
  return displayOf(
    (event) => {
      model.add(event);
      if (event.kind === "text") out(event.text);
      if (event.kind === "config" && shown.config) out(configText(event.config, paint));
      if (event.kind === "violation") out(violationText(event, paint));
      if (event.kind === "remediation") out(remediationText(event, paint));
      if (
        event.kind === "diagnostic" &&
        (event.diagnostic.severity !== "debug" || shown.debug) &&
        !event.diagnostic.ephemeral
      )
        out(diagnosticText(event.diagnostic, paint));
      // a refresh begins as one and says what it found when it ends
      const found = event.kind === "end" && refreshing.delete(event.step.urn) && event.step.op !== "refresh";
      if (event.kind === "begin" && event.step.op === "refresh") refreshing.add(event.step.urn);
      else if (event.kind === "begin" || found) {
        parents.set(event.step.urn, (event.step.new ?? event.step.old)?.parent ?? "");
        out(stepText(event.step, depth(event.step.urn, parents), paint, shown));
      }
    },
    ({ outputs }) => {
      if (!options.suppressOutputs) out(outputsText(model.root, paint, outputs));
      if (model.summary !== undefined)
        out(`${summaryText(model.summary, model.errored, paint, { policyPacks: true })}\n`);
    },
  );
}

/** The text of a step; empty when nothing is to be shown of it. */
function stepText(step: StepView, level: number, paint: Paint, shown: ShownDetails): string {
  const quiet = quietOps.has(step.op) && !(step.op === "same" ? shown.sames : shown.reads);
  if (isDefaultProvider(step) || (quiet && !isRootStack(step)) || isHiddenStep(step, shown)) return "";
  const { mark, color } = opWords[step.op];
  const indent = indentation.repeat(level);
  const state = step.new ?? step.old;
  const id = [step.new?.id, step.old?.id].find(Boolean);
  const head = [
    paint(color, `${indent}${mark}${step.type}: (${step.op})`),
    ...(state?.protect ? [" [protected]"] : []),
    ...(state?.retainOnDelete ? [" [retain]"] : []),
    "\n",
    ...(id ? [`${indent}${indentation}[id=${id}]\n`] : []),
    `${indent}${indentation}[urn=${step.urn}]\n`,
    ...(step.keys && step.keys.length > 0
      ? [`${indent}${indentation}[replaced because of: ${step.keys.join(", ")}]\n`]
      : []),
  ].join("");
  if (isRootStack(step)) return head;
  return head + propertyText(step, indent + "  ", paint);
}

function propertyText(step: StepView, indent: string, paint: Paint): string {
  switch (step.op) {
    case "create":
    case "create-replacement":
    case "import":
      return propertyLines(undefined, step.new?.inputs ?? {}, indent, paint);
    case "delete":
    case "delete-replaced":
      return propertyLines(step.old?.inputs ?? {}, undefined, indent, paint);
    default: {
      const lines = propertyLines(step.old?.inputs ?? {}, step.new?.inputs ?? {}, indent, paint);
      if (lines !== "" || step.diffs === undefined) return lines;
      // what a provider or a secret differs in is not in the inputs that are shown
      return step.diffs.map((key) => `${paint("yellow", `${indent}~ ${key}`)}\n`).join("");
    }
  }
}

function depth(urn: string, parents: ReadonlyMap<string, string>): number {
  let level = 0;
  for (let parent = parents.get(urn); parent; parent = parents.get(parent)) level += 1;
  return level;
}
