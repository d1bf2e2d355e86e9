import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TaskPriority } from "../../../../contracts/task.ts";
import { describeWait } from "../../../../services/runner/admission/explain-wait.ts";
import { roomFor } from "../../../../services/runner/admission/capacity.ts";
import {
  agedPriority,
  chooseTasks,
  CLOCKS_AT_START,
  PRIORITY_WEIGHTS,
  type ChoiceOptions,
  type WaitingTask,
} from "../../../../services/runner/admission/fair-share.ts";

const all = (room: number) => ({ critical: room, high: room, normal: room, low: room });
const options = (total: number, ageingSeconds = 60): ChoiceOptions => ({
  room: { total, byPriority: all(total) },
  ageingSeconds,
});
let submissions = 0;
const waiting = (workspaceId: string, count: number, overrides: Partial<WaitingTask> = {}): WaitingTask[] =>
  Array.from({ length: count }, () => {
    const submission = ++submissions;
    return {
      id: `${workspaceId}-${submission}`,
      workspaceId,
      priority: "normal",
      submission,
      waitedSeconds: 0,
      ...overrides,
    };
  });
const having = (freeSlots: number, ...ids: string[]) =>
  ids.map((workspaceId) => ({ workspaceId, freeSlots, finish: 0 }));

describe("fair shares between workspaces", () => {
  it("gives each its turn, however many wait in one", () => {
    const tasks = [...waiting("big", 100), ...waiting("a", 2), ...waiting("b", 1)];
    const { tasks: chosen } = chooseTasks(tasks, having(100, "big", "a", "b"), CLOCKS_AT_START, options(7));
    assert.deepEqual(
      chosen.map(({ workspaceId }) => workspaceId),
      ["big", "a", "b", "big", "a", "big", "big"],
    );
  });

  it("does not pay back the time for which nobody waited", () => {
    const first = chooseTasks(waiting("busy", 50), having(50, "busy"), CLOCKS_AT_START, options(50));
    assert.equal(first.finishes.get("busy"), 50);
    const workspaces = [
      { workspaceId: "busy", freeSlots: 9, finish: first.finishes.get("busy") ?? 0 },
      ...having(9, "new"),
    ];
    const second = chooseTasks([...waiting("busy", 9), ...waiting("new", 9)], workspaces, first.clocks, options(6));
    assert.deepEqual(
      second.tasks.map(({ workspaceId }) => workspaceId),
      ["new", "busy", "new", "busy", "new", "busy"],
    );
  });

  it("never serves one of those that wait all the time two turns ahead of another", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 20, max: 40 }), { minLength: 2, maxLength: 6 }),
        fc.integer({ min: 1, max: 7 }),
        (counts, room) => {
          const queues = new Map(counts.map((count, index) => [`w${index}`, waiting(`w${index}`, count)]));
          const served = new Map<string, number>();
          const finishes = new Map<string, number>();
          let clocks = CLOCKS_AT_START;
          for (let pass = 0; pass < 20; pass++) {
            const workspaces = [...queues.keys()].map((workspaceId) => ({
              workspaceId,
              freeSlots: 100,
              finish: finishes.get(workspaceId) ?? 0,
            }));
            const choice = chooseTasks([...queues.values()].flat(), workspaces, clocks, options(room));
            clocks = choice.clocks;
            for (const [id, finish] of choice.finishes) finishes.set(id, finish);
            for (const { id, workspaceId } of choice.tasks) {
              served.set(workspaceId, (served.get(workspaceId) ?? 0) + 1);
              const queue = queues.get(workspaceId) ?? [];
              assert.equal(queue.shift()?.id, id);
            }
            if ([...queues.values()].some((queue) => queue.length === 0)) return;
            const turns = [...queues.keys()].map((id) => served.get(id) ?? 0);
            assert.ok(Math.max(...turns) - Math.min(...turns) <= 1, turns.join());
          }
        },
      ),
    );
  });

  it("leaves out who has no slot", () => {
    const tasks = [...waiting("full", 5), ...waiting("open", 5)];
    const workspaces = [...having(0, "full"), ...having(2, "open")];
    const { tasks: chosen } = chooseTasks(tasks, workspaces, CLOCKS_AT_START, options(10));
    assert.deepEqual(
      chosen.map(({ workspaceId }) => workspaceId),
      ["open", "open"],
    );
  });
});

describe("fair shares between priorities", () => {
  const everyPriority = (count: number) =>
    TaskPriority.options.flatMap((priority) => waiting(`of-${priority}`, count, { priority }));
  const workspaces = having(1_000, ...TaskPriority.options.map((priority) => `of-${priority}`));

  it("are 8 : 4 : 2 : 1 while all wait", () => {
    const { tasks } = chooseTasks(everyPriority(150), workspaces, CLOCKS_AT_START, options(150));
    const counts = TaskPriority.options.map((each) => tasks.filter(({ priority }) => priority === each).length);
    assert.deepEqual(counts, [80, 40, 20, 10]);
    assert.equal(tasks[0]?.priority, "critical");
  });

  it("go to the others where one has no room or nothing waits", () => {
    const room = { total: 150, byPriority: { ...all(150), critical: 1 } };
    const { tasks } = chooseTasks(everyPriority(150), workspaces, CLOCKS_AT_START, { room, ageingSeconds: 60 });
    const counts = TaskPriority.options.map((each) => tasks.filter(({ priority }) => priority === each).length);
    assert.equal(counts[0], 1);
    assert.equal(
      counts.reduce((a, b) => a + b),
      150,
    );
    assert.ok(Math.abs((counts[1] ?? 0) / (counts[3] ?? 1) - 4) < 0.3, counts.join());
  });

  it("rise with the time that a task has waited", () => {
    const aged = (priority: TaskPriority, waitedSeconds: number) => agedPriority({ priority, waitedSeconds }, 60);
    assert.deepEqual(
      [aged("low", 59), aged("low", 60), aged("low", 120), aged("low", 9_999), aged("critical", 60), aged("low", -5)],
      ["low", "normal", "high", "critical", "critical", "low"],
    );
    const tasks = [
      ...waiting("a", 30, { priority: "critical" }),
      ...waiting("b", 1, { priority: "low", waitedSeconds: 180 }),
    ];
    const { tasks: chosen } = chooseTasks(tasks, having(30, "a", "b"), CLOCKS_AT_START, options(2));
    assert.ok(chosen.some(({ priority }) => priority === "low"));
  });

  it("hold for any weights of waiting: nobody who waits all the time is left out of 15 starts", () => {
    fc.assert(
      fc.property(fc.subarray([...TaskPriority.options], { minLength: 1 }), (present) => {
        const tasks = present.flatMap((priority) => waiting(`of-${priority}`, 60, { priority }));
        const { tasks: chosen } = chooseTasks(tasks, workspaces, CLOCKS_AT_START, options(15));
        for (const each of present)
          assert.ok(
            chosen.some(({ priority }) => priority === each),
            each,
          );
        const weights = present.reduce((sum, each) => sum + PRIORITY_WEIGHTS[each], 0);
        for (const each of present) {
          const share = (15 * PRIORITY_WEIGHTS[each]) / weights;
          const got = chosen.filter(({ priority }) => priority === each).length;
          assert.ok(Math.abs(got - share) <= 2, `${each}: ${got} of ${share}`);
        }
      }),
    );
  });
});

describe("room for tasks", () => {
  it("is one ahead for each that can run, and a few where nobody is heard of", () => {
    assert.deepEqual(roomFor([], {}), { total: 4, byPriority: all(4) });
    const worker = { concurrency: 10, priorities: TaskPriority.options };
    assert.deepEqual(roomFor([worker, worker], { normal: 15, low: 20 }), {
      total: 5,
      byPriority: { critical: 40, high: 40, normal: 25, low: 20 },
    });
    assert.equal(roomFor([worker], { normal: 100 }).total, 0);
  });

  it("is not taken by tasks of a priority that no worker takes", () => {
    const worker = { concurrency: 3, priorities: ["critical", "normal"] as const };
    assert.deepEqual(roomFor([worker], { low: 4, normal: 1 }), {
      total: 6,
      byPriority: { critical: 7, high: 4, normal: 6, low: 0 },
    });
  });
});

describe("why a task waits", () => {
  const facts = {
    priority: "low",
    plan: "pro",
    admitted: false,
    slotsTaken: 1,
    slots: 3,
    ahead: 4,
    workerSlots: 3,
    waitingInAll: 12,
    delayedUntil: null,
    question: null,
  } as const;

  it("is told with its numbers, what can be mended first", () => {
    const reasons = [
      describeWait({ ...facts, workerSlots: 0, admitted: true, slotsTaken: 3 }),
      describeWait({ ...facts, admitted: true }),
      describeWait({ ...facts, slotsTaken: 3 }),
      describeWait(facts),
    ];
    assert.deepEqual(
      reasons.map(({ reason, place }) => [reason, place]),
      [
        ["no_worker", 5],
        ["worker", 5],
        ["workspace_limit", 5],
        ["turn", 5],
      ],
    );
    assert.match(reasons[0]?.message ?? "", /no worker that takes low tasks is heard of: start one/);
    assert.match(reasons[2]?.message ?? "", /3 of 3 tasks that plan pro lets run at once/);
    assert.match(reasons[3]?.message ?? "", /12 tasks of all workspaces wait/);
  });
});
