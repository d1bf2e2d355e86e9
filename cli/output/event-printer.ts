import type { StepResult, TaskResult } from "../../contracts/task.ts";
import type { TaskEvent } from "../../contracts/task-event.ts";
import { brief, duration, localClock, localTime } from "./format.ts";
import { coloured } from "./state.ts";
import { forTerminal, type Style } from "./style.ts";

const SUMMARY_CHARS = 160;

/** Of a command, or of a model. */
type Stream = "stdout" | "stderr" | "text" | "reasoning";

/** Shows a task's events as they come: one line each, and what commands write below their step. */
export class EventPrinter {
  readonly #write: (text: string) => void;
  readonly #style: Style;
  readonly #colours: boolean;
  /** The beginning of a line of output whose end has not come yet. */
  #partial = "";
  #partialStream: Stream = "stdout";

  constructor(options: { write: (text: string) => void; style: Style; colours: boolean }) {
    this.#write = options.write;
    this.#style = options.style;
    this.#colours = options.colours;
  }

  print(event: TaskEvent): void {
    const { body } = event;
    if (body.type === "step_output" || body.type === "model_text") {
      this.#output(body.type === "step_output" ? body.stream : body.kind, body.text);
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

  #output(stream: Stream, text: string): void {
    if (stream !== this.#partialStream) this.finish();
    this.#partialStream = stream;
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#line(stream, line);
  }

  #line(stream: Stream, line: string): void {
    // A progress bar draws over itself with carriage returns: the last state is the one to keep.
    const visible = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
    if (stream === "text" || stream === "reasoning") {
      // A model has no colours to choose: what looks like ours must be ours.
      const spoken = forTerminal(visible, false);
      this.#write(`          ${this.#style.cyan("▌")} ${stream === "text" ? spoken : this.#style.dim(spoken)}\n`);
      return;
    }
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
      case "agent_step_started":
        return `${cyan(`answer ${body.step}`)} ${dim(`of ${clean(body.model)}`)}`;
      case "model_retried":
        return `${yellow("model asked again")} in ${duration(body.waitMs)}: ${clean(body.error.message)}`;
      case "model_answered": {
        const calls = body.toolCalls === 0 ? "" : `${body.toolCalls} tool ${body.toolCalls === 1 ? "call" : "calls"}, `;
        const tokens = `${body.estimated ? "about " : ""}${body.inputTokens} + ${body.outputTokens} tokens`;
        return dim(`answer ${body.step}: ${calls}${tokens} in ${duration(body.durationMs)}`);
      }
      case "context_trimmed":
        return dim(`context trimmed from about ${body.tokensBefore} to ${body.tokensAfter} tokens`);
      case "agent_resumed":
        return `goes on after answer ${body.step}`;
      case "cancel_requested":
        return yellow("cancellation requested");
      case "task_requeued":
        return `${yellow("queued again")}: ${clean(body.error.message)}`;
      case "task_ended":
        return `${bold(coloured(body.result.status, this.#style))} ${dim(`in ${duration(body.result.executionTimeMs)}`)}`;
      case "step_output":
      case "model_text":
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
