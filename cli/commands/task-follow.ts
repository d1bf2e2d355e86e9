import { createInterface } from "node:readline/promises";
import { TaskCancellation } from "../../contracts/http-api.ts";
import type { TaskState } from "../../contracts/task.ts";
import { isTerminalEvent, TaskEvent } from "../../contracts/task-event.ts";
import type { Context } from "../context.ts";
import { UnexpectedAnswerError } from "../errors.ts";
import { EXIT, EXIT_BY_STATE } from "../exit-codes.ts";
import { follow } from "../follow.ts";
import { EventPrinter } from "../output/event-printer.ts";

/** Shows a task's events until it has ended; the exit status tells how. */
export async function followTask(context: Context, taskId: string, after = 0): Promise<number> {
  const stop = new AbortController();
  const printer = new EventPrinter({
    write: (text) => context.write(text),
    style: context.style,
    colours: context.colours,
  });
  const interrupt = onInterrupt(context, taskId, stop, printer);
  try {
    for await (const event of events(context, taskId, after, stop.signal)) {
      await interrupt.pause();
      if (context.json) context.writeJsonLine(event);
      else printer.print(event);
      if (event.body.type === "task_ended") return EXIT_BY_STATE[event.body.result.status];
    }
  } finally {
    interrupt.release();
    printer.finish();
  }
  if (stop.signal.aborted) return EXIT.detached;
  return endedBefore(context, taskId);
}

/** The events of a task, over as many connections as it takes. */
function events(context: Context, taskId: string, after: number, signal?: AbortSignal): AsyncIterable<TaskEvent> {
  return follow(context.client, {
    path: `/api/tasks/${taskId}/events`,
    schema: TaskEvent,
    after,
    isLast: isTerminalEvent,
    onReconnect: () => context.note("connection lost, reconnecting …"),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Every event had been seen: what is left is to say how it ended. */
async function endedBefore(context: Context, taskId: string): Promise<number> {
  const { TaskStatus } = await import("../../contracts/task.ts");
  const { status } = await context.client.call("GET", `/api/tasks/${taskId}`, TaskStatus.loose());
  return exitCodeOf(status) ?? Promise.reject(new UnexpectedAnswerError(`/api/tasks/${taskId}/events`));
}

/** Undefined for a task that has not ended. */
export const exitCodeOf = (state: TaskState): number | undefined =>
  (EXIT_BY_STATE as Partial<Record<TaskState, number>>)[state];

interface InterruptHandler {
  /** Resolves when no question is open. */
  pause(): Promise<void>;
  release(): void;
}

/** Ctrl-C: asks on a terminal whether the task shall be cancelled; detaches elsewhere, and at the second time. */
function onInterrupt(context: Context, taskId: string, stop: AbortController, printer: EventPrinter): InterruptHandler {
  let question: Promise<void> | undefined;
  const detach = (): void => {
    printer.finish();
    context.note(`The task goes on. Come back with \`automatos task events ${taskId}\`.`);
    stop.abort();
  };
  const onSignal = (): void => {
    if (question !== undefined || !process.stdin.isTTY) {
      detach();
      return;
    }
    question = askWhetherToCancel(context, taskId, printer)
      .then((cancelled) => (cancelled ? undefined : detach()))
      .catch((error: unknown) => {
        context.note(`The task was not cancelled: ${error instanceof Error ? error.message : String(error)}`);
        detach();
      })
      .finally(() => (question = undefined));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", detach);
  return {
    pause: async () => question,
    release: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", detach);
    },
  };
}

/** Resolves to whether cancelling was asked for; following then goes on to the task's end. */
async function askWhetherToCancel(context: Context, taskId: string, printer: EventPrinter): Promise<boolean> {
  printer.finish();
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const interrupted = new AbortController();
  prompt.on("SIGINT", () => interrupted.abort());
  try {
    const answer = await prompt.question("\nCancel the task? [y/N] ", { signal: interrupted.signal });
    if (!/^y(es)?$/i.test(answer.trim())) return false;
    await context.client.call("POST", `/api/tasks/${taskId}/cancel`, TaskCancellation, { repeatable: true });
    return true;
  } catch (error) {
    if (interrupted.signal.aborted) return false;
    throw error;
  } finally {
    prompt.close();
  }
}
