import type { TerminalState } from "../contracts/task.ts";

/** What the exit status says. Shown by `automatos --help`; scripts rely on it. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  cancelled: 3,
  timedOut: 4,
  unreachable: 5,
  refused: 6,
  detached: 130,
} as const;

export const EXIT_BY_STATE: Readonly<Record<TerminalState, number>> = {
  completed: EXIT.ok,
  failed: EXIT.failed,
  cancelled: EXIT.cancelled,
  timed_out: EXIT.timedOut,
};

export const EXIT_HELP = `Exit status:
  0    done; of a followed task: it completed
  1    the task failed, or something unexpected happened
  2    the command line is wrong
  3    the task was cancelled
  4    the task timed out
  5    the API cannot be reached
  6    the API refused the request
  130  interrupted; a followed task goes on`;
