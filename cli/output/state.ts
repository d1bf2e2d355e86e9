import type { TaskState } from "../../contracts/task.ts";
import type { Style } from "./style.ts";

/** A task's state, coloured by what it means. */
export function coloured(state: TaskState, style: Style): string {
  switch (state) {
    case "completed":
      return style.green(state);
    case "failed":
    case "timed_out":
      return style.red(state);
    case "cancelled":
      return style.yellow(state);
    case "running":
      return style.cyan(state);
    case "pending":
    case "queued":
    case "scheduled":
      return state;
  }
}
