import type { TaskEventBody } from "../../contracts/task-event.ts";
import type { TaskExecution, TaskOutcome } from "../runner/task-runner.ts";
import type { Redactor, TextStream } from "../runtime/redaction/redactor.ts";

/**
 * The one place where a task's secrets are taken out of what is recorded of it: its events, and how it ends. What a
 * paused task goes on from is left as it is, or it would go on with other words than it had; it goes with the task.
 *
 * A command's output has been redacted where it came from (redacting-sandbox.ts), before anything was cut. The text of a
 * model comes in pieces, so the pieces of one answer are looked at together.
 */
export function redactExecution(given: TaskExecution, redactor: Redactor): TaskExecution {
  const texts = new ModelText(given.emit, redactor);
  return {
    ...given,
    emit: (body) => {
      if (body.type === "model_text") texts.push(body);
      else {
        texts.end();
        given.emit(redactor.value(body));
      }
    },
    decide: (outcome) => {
      texts.end();
      given.decide(redactOutcome(outcome, redactor));
    },
  };
}

/** How the task ended, or what it asks a person. */
export function redactOutcome(outcome: TaskOutcome, redactor: Redactor): TaskOutcome {
  if (outcome.status !== "paused") return redactor.value(outcome);
  const { checkpoint, ...shown } = outcome;
  return { ...redactor.value(shown), checkpoint };
}

type ModelTextBody = Extract<TaskEventBody, { type: "model_text" }>;

class ModelText {
  readonly #emit: (body: TaskEventBody) => void;
  readonly #stream: TextStream;
  #last: ModelTextBody | undefined;

  constructor(emit: (body: TaskEventBody) => void, redactor: Redactor) {
    this.#emit = emit;
    this.#stream = redactor.stream();
  }

  push(body: ModelTextBody): void {
    if (body.step !== this.#last?.step || body.kind !== this.#last.kind) this.end();
    this.#last = body;
    this.#show(this.#stream.push(body.text));
  }

  end(): void {
    this.#show(this.#stream.end());
    this.#last = undefined;
  }

  #show(text: string): void {
    if (text !== "" && this.#last !== undefined) this.#emit({ ...this.#last, text });
  }
}
