/** How an operation is shown: live on a terminal, in lines elsewhere, or as asked for. */
import { diffDisplay } from "../../display/diff.ts";
import { actionLabel, type Display, type DisplayOptions, type ShownDetails } from "../../display/display.ts";
import { eventLines, previewDigest } from "../../display/json-display.ts";
import { liveTreeDisplay } from "../../display/live-tree.ts";
import { plainDisplay } from "../../display/plain.ts";
import { painter } from "../../display/words.ts";
import type { Environment } from "../../backend/locations.ts";
import type { OperationKind } from "../../model.ts";
import { isTrue } from "../commands/confirm.ts";
import type { Terminal } from "../terminal.ts";
import type { DisplayFlags } from "./options.ts";
import type { PolicyPackOptions } from "./policy-packs.ts";

export interface ShownRun {
  readonly kind: OperationKind;
  readonly stack: string;
  readonly isPreview: boolean;
}

export function chooseDisplay(
  terminal: Terminal,
  env: Environment,
  options: DisplayFlags & PolicyPackOptions,
  { kind, stack, isPreview }: ShownRun,
): Display {
  const suppressOutputs = options.suppressOutputs ?? false;
  const shown = shownDetails(options);
  if (options.json) {
    const inOne = isPreview && !isTrue(env["PULUMI_ENABLE_STREAMING_JSON_PREVIEW"]);
    return inOne ? previewDigest(terminal.out, { suppressOutputs, shown }) : eventLines(terminal.out);
  }
  const common: DisplayOptions = {
    out: terminal.out,
    paint: painter(terminal.color),
    action: actionLabel(kind, isPreview),
    stack,
    isPreview,
    suppressOutputs,
    shown,
    showPolicyRemediations: options.showPolicyRemediations ?? false,
  };
  if (options.diff) return diffDisplay(common);
  const size = terminal.size();
  return size === undefined ? plainDisplay(common) : liveTreeDisplay(common, () => terminal.size() ?? size);
}

function shownDetails(options: DisplayFlags): ShownDetails {
  return {
    sames: options.showSames ?? false,
    reads: options.showReads ?? false,
    replacementSteps: options.showReplacementSteps ?? false,
    config: options.showConfig ?? false,
    urns: options.urns ?? false,
    debug: options.debug ?? false,
  };
}
