/** What is known of a running operation: one row per resource. The live tree and the plain lines are drawn from it. */
import type { StepOp } from "../model.ts";
import {
  isDefaultProvider,
  isRootStack,
  withoutColorMarks,
  type EventView,
  type StepView,
  type SummaryView,
} from "./event-views.ts";
import type { ShownDetails } from "./display.ts";
import { PolicyReport } from "./policy-report.ts";
import { DiagnosticLog } from "./summary.ts";
import { opWords, quietOps } from "./words.ts";

export interface Row {
  readonly urn: string;
  readonly parent: string;
  op: StepOp;
  state: "running" | "done" | "failed";
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  endedAt: number | undefined;
  /** Properties that differ. */
  diffs: readonly string[];
  /** The last message about it. */
  message: string;
}

export class OperationModel {
  readonly rows = new Map<string, Row>();
  readonly diagnostics: DiagnosticLog;
  readonly policies: PolicyReport;
  /** The step of the stack itself: its outputs are the stack's. */
  root: StepView | undefined;
  summary: SummaryView | undefined;
  errored = 0;
  readonly #now: () => number;

  readonly #shown: ShownDetails;

  constructor(
    now: () => number = Date.now,
    options: { readonly showPolicyRemediations?: boolean; readonly shown?: ShownDetails } = {},
  ) {
    this.#shown = options.shown ?? {};
    this.diagnostics = new DiagnosticLog(this.#shown.debug);
    this.policies = new PolicyReport(options.showPolicyRemediations);
    this.#now = now;
  }

  /** Takes an event in; returns the row that it changed, if it is one that people are shown. */
  add(event: EventView): Row | undefined {
    switch (event.kind) {
      case "begin":
        return this.#step(event.step, "running");
      case "end":
        if (isRootStack(event.step)) this.root = event.step;
        return this.#step(event.step, "done");
      case "failed":
        this.errored += 1;
        return this.#step(event.step, "failed");
      case "diagnostic": {
        const { diagnostic } = event;
        this.diagnostics.add(diagnostic);
        const row = this.rows.get(diagnostic.urn ?? this.#rootUrn() ?? "");
        const message = withoutColorMarks(`${diagnostic.prefix ?? ""}${diagnostic.message}`)
          .trim()
          .split("\n")[0];
        if (row === undefined || diagnostic.severity === "debug" || !message) return undefined;
        row.message = message;
        return row;
      }
      case "summary":
        this.summary = event.summary;
        return undefined;
      case "violation":
      case "remediation":
        this.policies.add(event);
        return undefined;
      case "text":
      case "config":
        return undefined;
    }
  }

  rootUrn(): string | undefined {
    return this.#rootUrn();
  }

  /** Whether a row stands for something that happens, or heads the tree. */
  isShown(row: Row): boolean {
    if (row.op === "same" && this.#shown.sames) return true;
    if (row.op === "read" && this.#shown.reads) return true;
    return !quietOps.has(row.op) || row.state === "failed" || row.message !== "" || row.parent === "";
  }

  #rootUrn(): string | undefined {
    for (const row of this.rows.values())
      if (row.parent === "" && row.urn.includes("::pulumi:pulumi:Stack::")) return row.urn;
    return undefined;
  }

  #step(step: StepView, state: Row["state"]): Row | undefined {
    if (isDefaultProvider(step)) return undefined;
    const now = this.#now();
    const known = this.rows.get(step.urn);
    // a replacement goes through several operations: the row begins with its first and shows the one that runs
    const row: Row = known ?? {
      urn: step.urn,
      parent: (step.new ?? step.old)?.parent ?? "",
      op: step.op,
      state,
      startedAt: now,
      endedAt: undefined,
      diffs: [],
      message: "",
    };
    this.rows.set(step.urn, row);
    row.op = step.op;
    row.state = state;
    row.endedAt = state === "running" ? undefined : now;
    if (step.diffs !== undefined && step.diffs.length > 0) row.diffs = step.diffs;
    return row;
  }
}

/** What a row says of its resource: the plan at preview, what happens or happened otherwise. */
export function statusText(row: Row, isPreview: boolean): string {
  const words = opWords[row.op];
  if (row.state === "failed") return `**${words.doing === "" ? "failed" : `${words.doing} failed`}**`;
  if (isPreview) return words.plan;
  return row.state === "running" ? words.doing : words.done;
}
