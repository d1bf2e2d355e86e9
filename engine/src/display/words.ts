/** How the displays name and colour operations. */
import type { StepOp } from "../model.ts";

export interface OpWords {
  /** The mark before a row. */
  readonly mark: string;
  readonly plan: string;
  readonly doing: string;
  readonly done: string;
  readonly color: Color;
}

type Color = "green" | "yellow" | "red" | "cyan" | "magenta" | "bold" | "dim" | "none";

export const opWords: Readonly<Record<StepOp, OpWords>> = {
  same: { mark: "  ", plan: "", doing: "", done: "", color: "none" },
  create: { mark: "+ ", plan: "create", doing: "creating", done: "created", color: "green" },
  update: { mark: "~ ", plan: "update", doing: "updating", done: "updated", color: "yellow" },
  delete: { mark: "- ", plan: "delete", doing: "deleting", done: "deleted", color: "red" },
  replace: { mark: "+-", plan: "replace", doing: "replacing", done: "replaced", color: "magenta" },
  "create-replacement": {
    mark: "++",
    plan: "create replacement",
    doing: "creating replacement",
    done: "created replacement",
    color: "green",
  },
  "delete-replaced": {
    mark: "--",
    plan: "delete original",
    doing: "deleting original",
    done: "deleted original",
    color: "red",
  },
  read: { mark: "> ", plan: "read", doing: "reading", done: "read", color: "cyan" },
  "read-replacement": {
    mark: ">~",
    plan: "read for replacement",
    doing: "reading for replacement",
    done: "read for replacement",
    color: "cyan",
  },
  discard: { mark: "< ", plan: "discard", doing: "discarding", done: "discarded", color: "red" },
  "discard-replaced": {
    mark: "<<",
    plan: "discard original",
    doing: "discarding original",
    done: "discarded original",
    color: "red",
  },
  "remove-pending-replace": {
    mark: "~ ",
    plan: "complete replace",
    doing: "completing replace",
    done: "completed replace",
    color: "none",
  },
  refresh: { mark: "~ ", plan: "refresh", doing: "refreshing", done: "refreshed", color: "cyan" },
  import: { mark: "= ", plan: "import", doing: "importing", done: "imported", color: "cyan" },
  "import-replacement": {
    mark: "=>",
    plan: "import replacement",
    doing: "importing replacement",
    done: "imported replacement",
    color: "cyan",
  },
};

/** Operations that say nothing of a change. */
export const quietOps: ReadonlySet<StepOp> = new Set(["same", "read", "read-replacement"]);

const codes: Readonly<Record<Color, string>> = {
  green: "32",
  yellow: "33",
  red: "31",
  cyan: "36",
  magenta: "35",
  bold: "1",
  dim: "2",
  none: "",
};

export type Paint = (color: Color, text: string) => string;

export function painter(enabled: boolean): Paint {
  return (color, text) => (enabled && codes[color] !== "" ? `\u001b[${codes[color]}m${text}\u001b[0m` : text);
}
