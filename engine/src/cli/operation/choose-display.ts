/** How an operation is shown: live on a terminal, in lines elsewhere, or as asked for. */
import { diffDisplay } from "../../display/diff.ts";
import { actionLabel, type Display, type DisplayOptions } from "../../display/display.ts";
import { eventLines, previewDigest } from "../../display/json-display.ts";
import { liveTreeDisplay } from "../../display/live-tree.ts";
import { plainDisplay } from "../../display/plain.ts";
import { painter } from "../../display/words.ts";
import type { OperationKind } from "../../model.ts";
import type { Terminal } from "../terminal.ts";
import type { OperationOptions } from "./options.ts";

export function chooseDisplay(
  terminal: Terminal,
  options: OperationOptions,
  kind: OperationKind,
  stack: string,
  isPreview: boolean,
): Display {
  const suppressOutputs = options.suppressOutputs ?? false;
  if (options.json) return isPreview ? previewDigest(terminal.out, { suppressOutputs }) : eventLines(terminal.out);
  const common: DisplayOptions = {
    out: terminal.out,
    paint: painter(terminal.color),
    action: actionLabel(kind, isPreview),
    stack,
    isPreview,
    suppressOutputs,
  };
  if (options.diff) return diffDisplay(common);
  const size = terminal.size();
  return size === undefined ? plainDisplay(common) : liveTreeDisplay(common, () => terminal.size() ?? size);
}
