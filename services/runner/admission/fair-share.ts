/**
 * Which of the waiting tasks start next: pure, so that fairness can be tested without a database.
 *
 * Fair queueing by virtual times, twice: between priorities by weight, then between the workspaces that wait in the
 * chosen one, each with the same weight. It gives what deficit round robin gives where every task costs the same, and
 * needs no list of those that are idle: who comes back starts at the clock, with nothing saved up and nothing owed
 * (start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996).
 */
import { TaskPriority } from "../../../contracts/task.ts";

/** Of 15 tasks that start while all priorities wait, so many are of each. */
export const PRIORITY_WEIGHTS: Readonly<Record<TaskPriority, number>> = { critical: 8, high: 4, normal: 2, low: 1 };

/** A task that has waited so long is treated as one of the next more urgent priority. */
export const AGEING_SECONDS = 60;

export interface WaitingTask {
  readonly id: string;
  readonly workspaceId: string;
  readonly priority: TaskPriority;
  /** The order in which tasks were submitted. */
  readonly submission: number;
  readonly waitedSeconds: number;
}

export interface WaitingWorkspace {
  readonly workspaceId: string;
  /** How many more of its tasks may start now. */
  readonly freeSlots: number;
  /** Up to when it has been served, in virtual time. */
  readonly finish: number;
}

/** The virtual times, kept from one choice to the next. */
export interface Clocks {
  readonly workspaces: number;
  readonly priorities: number;
  readonly finishes: Readonly<Record<TaskPriority, number>>;
}

export const CLOCKS_AT_START: Clocks = {
  workspaces: 0,
  priorities: 0,
  finishes: { critical: 0, high: 0, normal: 0, low: 0 },
};

export interface Choice {
  /** In the order in which they are to start. */
  readonly tasks: readonly WaitingTask[];
  readonly clocks: Clocks;
  /** The workspaces that were served, with their new times. */
  readonly finishes: ReadonlyMap<string, number>;
}

export interface ChoiceOptions {
  /** Room for tasks of a priority, and for all together. */
  readonly room: { readonly total: number; readonly byPriority: Readonly<Record<TaskPriority, number>> };
  /** A task that has waited so long counts as one of the next more urgent priority, twice as long of the one after. */
  readonly ageingSeconds: number;
}

/** The priority that a task is treated as after its wait. */
export function agedPriority(
  task: Pick<WaitingTask, "priority" | "waitedSeconds">,
  ageingSeconds: number,
): TaskPriority {
  const steps = Math.max(0, Math.floor(task.waitedSeconds / ageingSeconds));
  const index = TaskPriority.options.indexOf(task.priority) - steps;
  return TaskPriority.options[Math.max(0, index)] ?? "critical";
}

/**
 * @param tasks Of each workspace and priority, the first ones by submission.
 */
export function chooseTasks(
  tasks: readonly WaitingTask[],
  workspaces: readonly WaitingWorkspace[],
  clocks: Clocks,
  options: ChoiceOptions,
): Choice {
  const lines = new Lines(tasks, workspaces, options);
  const present = new Set(lines.priorities());
  const finishes = { ...clocks.finishes };
  const served = new Map<string, number>();
  const chosen: WaitingTask[] = [];
  let { workspaces: workspaceClock, priorities: priorityClock } = clocks;
  for (;;) {
    // By when it would be done: of two that begin together, the more urgent has its tasks first.
    const priority = lowest(lines.priorities(), (each) => finishes[each] + 1 / PRIORITY_WEIGHTS[each]);
    if (priority === undefined) break;
    const line = lowest(lines.of(priority), (each) => Math.max(workspaceClock, each.workspace.finish), bySubmission);
    if (line === undefined) break;
    priorityClock = Math.max(priorityClock, finishes[priority]);
    finishes[priority] += 1 / PRIORITY_WEIGHTS[priority];
    workspaceClock = Math.max(workspaceClock, line.workspace.finish);
    line.workspace.finish = workspaceClock + 1;
    served.set(line.workspace.id, line.workspace.finish);
    chosen.push(lines.take(line));
  }
  for (const each of TaskPriority.options) {
    if (!present.has(each)) finishes[each] = Math.max(finishes[each], priorityClock);
  }
  return {
    tasks: chosen,
    clocks: { workspaces: workspaceClock, priorities: priorityClock, finishes },
    finishes: served,
  };
}

interface Workspace {
  readonly id: string;
  freeSlots: number;
  finish: number;
}

/** Tasks of one workspace and priority, the next one last. */
interface Line {
  readonly workspace: Workspace;
  readonly priority: TaskPriority;
  readonly tasks: WaitingTask[];
}

/** Who waits where. A line moves to a more urgent priority with the age of its first task. */
class Lines {
  readonly #lines: Line[];
  readonly #room: Record<TaskPriority, number>;
  readonly #ageingSeconds: number;
  #total: number;

  constructor(tasks: readonly WaitingTask[], workspaces: readonly WaitingWorkspace[], options: ChoiceOptions) {
    const byId = new Map(workspaces.map(({ workspaceId: id, freeSlots, finish }) => [id, { id, freeSlots, finish }]));
    const lines = new Map<string, Line>();
    for (const task of [...tasks].sort((a, b) => b.submission - a.submission)) {
      const workspace = byId.get(task.workspaceId);
      if (workspace === undefined) throw new TypeError(`workspace ${task.workspaceId} of task ${task.id} is not given`);
      const key = `${task.priority} ${task.workspaceId}`;
      const line = lines.get(key) ?? { workspace, priority: task.priority, tasks: [] };
      line.tasks.push(task);
      lines.set(key, line);
    }
    this.#lines = [...lines.values()];
    this.#room = { ...options.room.byPriority };
    this.#total = options.room.total;
    this.#ageingSeconds = options.ageingSeconds;
  }

  /** Those in which a task could start, from the most urgent. */
  priorities(): TaskPriority[] {
    const open = new Set(this.#open().map((line) => this.#treatedAs(line)));
    return TaskPriority.options.filter((priority) => open.has(priority));
  }

  of(priority: TaskPriority): Line[] {
    return this.#open().filter((line) => this.#treatedAs(line) === priority);
  }

  take(line: Line): WaitingTask {
    const task = line.tasks.pop();
    if (task === undefined) throw new TypeError("nothing waits in this line");
    line.workspace.freeSlots -= 1;
    this.#room[task.priority] -= 1;
    this.#total -= 1;
    return task;
  }

  #open(): Line[] {
    if (this.#total <= 0) return [];
    return this.#lines.filter(
      ({ workspace, priority, tasks }) => tasks.length > 0 && workspace.freeSlots > 0 && this.#room[priority] > 0,
    );
  }

  #treatedAs(line: Line): TaskPriority {
    const first = line.tasks.at(-1);
    return first === undefined ? line.priority : agedPriority(first, this.#ageingSeconds);
  }
}

const bySubmission = (a: Line, b: Line): number =>
  (a.tasks.at(-1)?.submission ?? 0) - (b.tasks.at(-1)?.submission ?? 0);

function lowest<T>(
  items: readonly T[],
  valueOf: (item: T) => number,
  onTie: (a: T, b: T) => number = () => 0,
): T | undefined {
  let best: T | undefined;
  for (const item of items) {
    if (best === undefined) best = item;
    else if (valueOf(item) - valueOf(best) < 0 || (valueOf(item) === valueOf(best) && onTie(item, best) < 0))
      best = item;
  }
  return best;
}
