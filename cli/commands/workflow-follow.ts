import type { ExecutionState } from "../../contracts/workflow.ts";
import { isLastWorkflowEvent, WorkflowEvent, type WorkflowEventBody } from "../../contracts/workflow-event.ts";
import type { TaskEvent } from "../../contracts/task-event.ts";
import { WorkflowExecutionDetails } from "../../contracts/workflow.ts";
import type { Context } from "../context.ts";
import { UnexpectedAnswerError } from "../errors.ts";
import { EXIT, EXIT_BY_STATE } from "../exit-codes.ts";
import { follow } from "../follow.ts";
import { EventPrinter } from "../output/event-printer.ts";
import { localClock } from "../output/format.ts";
import { coloured } from "../output/state.ts";
import { forTerminal } from "../output/style.ts";

/** Shows the events of an execution and of its tasks until it has ended; the exit status tells how. */
export async function followExecution(context: Context, executionId: string, after = 0): Promise<number> {
  const stop = new AbortController();
  const detach = (): void => {
    context.note(`The execution goes on. Come back with \`automatos workflow follow ${executionId}\`.`);
    stop.abort();
  };
  process.on("SIGINT", detach).on("SIGTERM", detach);
  const show = makePrinter(context);
  const path = `/api/workflow-executions/${executionId}`;
  try {
    const events = follow(context.client, {
      path: `${path}/events`,
      schema: WorkflowEvent,
      after,
      isLast: isLastWorkflowEvent,
      onReconnect: () => context.note("connection lost, reconnecting …"),
      signal: stop.signal,
    });
    for await (const event of events) {
      if (context.json) context.writeJsonLine(event);
      else show(event);
      if (event.body.type === "workflow_ended") return EXIT_BY_STATE[event.body.status];
    }
  } finally {
    process.off("SIGINT", detach).off("SIGTERM", detach);
  }
  if (stop.signal.aborted) return EXIT.detached;
  // Every event had been seen: what is left is to say how it ended.
  const { status } = await context.client.call("GET", path, WorkflowExecutionDetails);
  if (status === "running") throw new UnexpectedAnswerError(`${path}/events`);
  return EXIT_BY_STATE[status];
}

/** Lines of a task begin with its step's name; those of steps that run at once alternate. */
function makePrinter(context: Context): (event: WorkflowEvent) => void {
  const { style, colours } = context;
  const printers = new Map<string, EventPrinter>();
  const printerOf = (stepId: string): EventPrinter => {
    const write = (text: string): void => {
      for (const line of text.split("\n").slice(0, -1)) context.write(`${style.bold(stepId)}  ${line}\n`);
    };
    const printer = printers.get(stepId) ?? new EventPrinter({ write, style, colours });
    printers.set(stepId, printer);
    return printer;
  };
  return ({ at, task, body }) => {
    if (task !== null) {
      const { stepId, taskId, sequence } = task;
      printerOf(stepId).print({ taskId, sequence, at, body } as TaskEvent); // an event of a task, as `task` says
      return;
    }
    const text = describe(body as WorkflowEventBody, (state) => coloured(state, style));
    if (text !== undefined) context.write(`${style.dim(localClock(at))}  ${forTerminal(text, colours)}\n`);
  };
}

function describe(body: WorkflowEventBody, show: (state: ExecutionState) => string): string | undefined {
  switch (body.type) {
    case "workflow_started":
      return `${body.workflowId}${body.version === null ? "" : ` version ${body.version}`} begins`;
    case "workflow_step_kept":
      return `${body.stepId} is kept from before (task ${body.taskId})`;
    case "workflow_step_submitted":
      return `${body.stepId} is task ${body.taskId}`;
    case "workflow_step_delayed":
      return `${body.stepId} waits: ${body.error.message}`;
    case "workflow_step_failed":
      return `${body.stepId} failed: ${body.error.code}: ${body.error.message}`;
    case "workflow_step_skipped":
      return `${body.stepId} is left out: ${body.reason.replaceAll("_", " ")}`;
    case "workflow_cancel_requested":
      return "cancel requested";
    case "workflow_ended": {
      const reason = body.error === null ? "" : `\n${body.error.code}: ${body.error.message}\n${body.error.remedy}`;
      return `execution ${show(body.status)}${reason}`;
    }
  }
}
