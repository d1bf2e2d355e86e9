import type { StepResult, TaskResult } from "../../contracts/task.ts";
import type { TaskEvent } from "../../contracts/task-event.ts";
import { brief, duration, localClock, localTime } from "./format.ts";
import { coloured } from "./state.ts";
import { forTerminal, type Style } from "./style.ts";

const SUMMARY_CHARS = 160;

/** Shows a task's events as they come: one line each, and what commands write below their step. */
export class EventPrinter {
  readonly #write: (text: string) => void;
  readonly #style: Style;
  readonly #colours: boolean;
  /** The beginning of a line of output whose end has not come yet. */
  #partial = "";
  #partialStream: "stdout" | "stderr" = "stdout";

  constructor(options: { write: (text: string) => void; style: Style; colours: boolean }) {
    this.#write = options.write;
    this.#style = options.style;
    this.#colours = options.colours;
  }

  print(event: TaskEvent): void {
    const { body } = event;
    if (body.type === "step_output") {
      this.#output(body.stream, body.text);
      return;
    }
    this.finish();
    const text = this.#describe(event);
    if (text !== undefined) this.#write(`${this.#style.dim(localClock(event.at))}  ${text}\n`);
    if (body.type === "task_ended") this.#reason(body.result);
  }

  /** Ends a line that is still open. */
  finish(): void {
    if (this.#partial !== "") this.#line(this.#partialStream, this.#partial);
    this.#partial = "";
  }

  #output(stream: "stdout" | "stderr", text: string): void {
    if (stream !== this.#partialStream) this.finish();
    this.#partialStream = stream;
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#line(stream, line);
  }

  #line(stream: "stdout" | "stderr", line: string): void {
    // A progress bar draws over itself with carriage returns: the last state is the one to keep.
    const visible = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
    const gutter = stream === "stderr" ? this.#style.yellow("│") : this.#style.dim("│");
    this.#write(`          ${gutter} ${forTerminal(visible, this.#colours)}${this.#colours ? "\u001b[0m" : ""}\n`);
  }

  #describe({ taskId, body }: TaskEvent): string | undefined {
    const { bold, cyan, green, red, yellow, dim } = this.#style;
    const clean = (text: string): string => brief(forTerminal(text, false), SUMMARY_CHARS);
    switch (body.type) {
      case "task_submitted":
        return "submitted";
      case "task_queued":
        return "queued";
      case "task_admitted":
        return undefined;
      case "task_started":
        return `started on ${clean(body.workerId)}${body.attempt > 1 ? `, attempt ${body.attempt}` : ""}`;
      case "repository_ready":
        return `${bold(clean(body.name))} ${body.action} at ${body.commit.slice(0, 12)} ${dim(`in ${duration(body.durationMs)}`)}`;
      case "step_started":
        return `${cyan(`step ${body.index + 1}`)} ${bold(body.tool)} ${clean(body.summary)}`;
      case "step_finished":
        return this.#step(body.step);
      case "warning":
        return `${yellow("warning")} ${clean(body.message)}. ${clean(body.remedy)}`;
      case "approval_requested":
        return (
          `${yellow("asks")} ${bold(body.tool)} (${body.level}) ${clean(body.summary)}\n` +
          `          ${dim(`answer: automatos task approve|deny ${taskId} ${clean(body.callId)}, until ${localTime(body.expiresAt)}`)}`
        );
      case "approval_decided":
        return `${body.decision === "approved" ? green("approved") : red(body.decision)}${body.by === null ? "" : ` by ${clean(body.by)}`}${body.comment === null ? "" : `: ${clean(body.comment)}`}`;
      case "cancel_requested":
        return yellow("cancellation requested");
      case "task_requeued":
        return `${yellow("queued again")}: ${clean(body.error.message)}`;
      case "task_ended":
        return `${bold(coloured(body.result.status, this.#style))} ${dim(`in ${duration(body.result.executionTimeMs)}`)}`;
      case "step_output":
        return undefined;
    }
  }

  #step(step: StepResult): string {
    const { green, red, dim } = this.#style;
    // A failure says itself how the command ended.
    const exit = step.exitCode === null || !step.ok ? "" : ` (exit code ${step.exitCode})`;
    const outcome = step.ok
      ? green("ok")
      : red(brief(forTerminal(step.error?.message ?? "failed", false), SUMMARY_CHARS));
    return `${dim(`step ${step.index + 1}`)} ${outcome}${exit} ${dim(`in ${duration(step.durationMs)}`)}`;
  }

  #reason({ error }: TaskResult): void {
    if (error === null) return;
    this.#write(`${this.#style.red(error.code)}: ${forTerminal(error.message, false)}\n`);
    this.#write(`${forTerminal(error.remedy, false)}\n`);
  }
}
