import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { SkipReason, StepState } from "../../../../contracts/workflow.ts";
import { ancestors, inOrder } from "../../../../contracts/workflow-graph.ts";
import { WorkflowRecipe } from "../../../../contracts/workflow-recipe.ts";
import { decide, keptSteps, type StepStanding } from "../../../../services/runner/workflows/decide.ts";

type When = "success" | "no_failure" | "failure" | "always";
type End = "completed" | "failed" | "cancelled" | "timed_out";

interface Drawn {
  readonly recipe: WorkflowRecipe;
  /** How each step ends if it starts. */
  readonly ends: ReadonlyMap<string, End>;
}

const TASK = { prompt: "do" };

/** Graphs without cycles, in any order of their steps. */
const drawn: fc.Arbitrary<Drawn> = fc
  .array(
    fc.record({
      dependsOn: fc.array(fc.nat(100), { maxLength: 3 }),
      when: fc.constantFrom<When>("success", "success", "no_failure", "failure", "always"),
      onFailure: fc.constantFrom("fail" as const, "continue" as const),
      end: fc.constantFrom<End>("completed", "completed", "completed", "failed", "cancelled", "timed_out"),
      place: fc.nat(1_000_000),
    }),
    { minLength: 1, maxLength: 14 },
  )
  .chain((drafts) =>
    fc.record({ drafts: fc.constant(drafts), maxParallel: fc.integer({ min: 1, max: 4 }), failFast: fc.boolean() }),
  )
  .map(({ drafts, maxParallel, failFast }) => {
    const steps = drafts.map(({ dependsOn, when, onFailure, place }, index) => {
      const before = index === 0 ? [] : [...new Set(dependsOn.map((number) => `s${number % index}`))];
      const condition = when === "failure" && before.length === 0 ? "success" : when;
      return { step: { id: `s${index}`, dependsOn: before, when: condition, onFailure, task: TASK }, place };
    });
    const shuffled = steps.toSorted((a, b) => a.place - b.place).map(({ step }) => step);
    const recipe = WorkflowRecipe.parse({ steps: shuffled, maxParallel, failFast });
    return { recipe, ends: new Map(drafts.map(({ end }, index) => [`s${index}`, end])) };
  });

/** Runs a recipe as the orchestrator does, its steps ending in an order that `pick` chooses. */
function run({ recipe, ends }: Drawn, pick: (count: number) => number) {
  const standings = new Map<string, StepStanding>(
    recipe.steps.map(({ id }) => [id, { status: "waiting", skipReason: null }]),
  );
  const started: string[] = [];
  const running: string[] = [];
  for (let rounds = 0; rounds < 1_000; rounds += 1) {
    const { skip, start, hasEnded } = decide(recipe, standings, false);
    for (const { id, reason } of skip) standings.set(id, { status: "skipped", skipReason: reason });
    for (const id of start) {
      const step = recipe.steps.find((each) => each.id === id);
      for (const before of step?.dependsOn ?? []) {
        const { status } = standings.get(before) ?? { status: "waiting" };
        assert.ok(!["waiting", "starting", "submitted"].includes(status), `${id} began before ${before} had ended`);
      }
      assert.ok(!started.includes(id), `${id} began twice`);
      started.push(id);
      running.push(id);
      standings.set(id, { status: "submitted", skipReason: null });
    }
    assert.ok(running.length <= recipe.maxParallel, "more are under way than may be");
    if (hasEnded) return { standings, started };
    assert.ok(running.length > 0, "it neither ends nor goes on");
    const [id = ""] = running.splice(pick(running.length), 1);
    standings.set(id, { status: ends.get(id) ?? "completed", skipReason: null });
  }
  throw new Error("it does not end");
}

describe("decisions of an execution", () => {
  it("begin every step once at most, after all before it have ended, and come to an end", () => {
    fc.assert(
      fc.property(drawn, fc.infiniteStream(fc.nat(1_000)), (given, numbers) => {
        const { standings } = run(given, (count) => (numbers.next().value as number) % count);
        for (const { id } of given.recipe.steps) {
          const status = standings.get(id)?.status;
          assert.ok(status === "skipped" || status === given.ends.get(id), `${id} is ${status}`);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("run everything where nothing fails and nothing waits for a failure", () => {
    fc.assert(
      fc.property(drawn, (given) => {
        const steps = given.recipe.steps.map((step) => ({ ...step, when: "success" as const }));
        const ends = new Map(steps.map(({ id }) => [id, "completed" as const]));
        const { started } = run({ recipe: { ...given.recipe, steps }, ends }, () => 0);
        assert.equal(started.length, steps.length);
      }),
      { numRuns: 100 },
    );
  });

  it("start nothing that is stopped, and leave out all that waits", () => {
    fc.assert(
      fc.property(drawn, ({ recipe }) => {
        const waiting = new Map(recipe.steps.map(({ id }) => [id, { status: "waiting" as const, skipReason: null }]));
        const { skip, start, hasEnded } = decide(recipe, waiting, true);
        assert.deepEqual(start, []);
        assert.equal(skip.length, recipe.steps.length);
        assert.ok(hasEnded && skip.every(({ reason }) => reason === "cancelled"));
      }),
      { numRuns: 50 },
    );
  });

  it("keep for another try what completed behind what is kept", () => {
    fc.assert(
      fc.property(drawn, (given) => {
        const { standings } = run(given, () => 0);
        const kept = keptSteps(given.recipe, standings);
        const before = ancestors(given.recipe.steps);
        for (const id of kept) {
          const status = standings.get(id)?.status;
          assert.ok(status === "completed" || status === "skipped");
          for (const ancestor of before.get(id) ?? []) assert.ok(kept.has(ancestor), `${id} without ${ancestor}`);
        }
        for (const { id } of given.recipe.steps) if (standings.get(id)?.status === "failed") assert.ok(!kept.has(id));
      }),
      { numRuns: 100 },
    );
  });

  const outcome = (
    steps: readonly { id: string; dependsOn?: string[]; when?: When; onFailure?: "fail" | "continue" }[],
    ends: Record<string, End>,
    options: { failFast?: boolean } = {},
  ): Record<string, string> => {
    const recipe = WorkflowRecipe.parse({ ...options, steps: steps.map((step) => ({ ...step, task: TASK })) });
    const { standings } = run({ recipe, ends: new Map(Object.entries(ends)) }, () => 0);
    const reasonOf = ({ status, skipReason }: StepStanding): StepState | SkipReason => skipReason ?? status;
    return Object.fromEntries([...standings].map(([id, standing]) => [id, reasonOf(standing)]));
  };

  it("follow a failure to whoever waits for it, over steps that were left out", () => {
    const steps = [
      { id: "build" },
      { id: "test", dependsOn: ["build"] },
      { id: "tell", dependsOn: ["test"], when: "failure" as const },
      { id: "tidy", dependsOn: ["test"], when: "always" as const },
    ];
    assert.deepEqual(outcome(steps, { build: "failed" }), {
      build: "failed",
      test: "dependency_failed",
      tell: "completed",
      tidy: "completed",
    });
    assert.deepEqual(outcome(steps, {}), {
      build: "completed",
      test: "completed",
      tell: "condition",
      tidy: "completed",
    });
  });

  it("stop other branches after a failure, or let them go on", () => {
    const steps = [{ id: "a" }, { id: "b" }, { id: "c", dependsOn: ["b"] }, { id: "d", dependsOn: ["a"] }];
    const ends = { a: "failed" } as const;
    assert.deepEqual(outcome(steps, ends), { a: "failed", b: "completed", c: "stopped", d: "dependency_failed" });
    const others = { a: "failed", b: "completed", c: "completed", d: "dependency_failed" };
    assert.deepEqual(outcome(steps, ends, { failFast: false }), others);
    const allowed = steps.map((step) => ({ ...step, onFailure: "continue" as const }));
    assert.deepEqual(outcome(allowed, ends), { a: "failed", b: "completed", c: "completed", d: "completed" });
  });
});

describe("the graph of a recipe", () => {
  const problems = (steps: readonly object[], output?: unknown): string[] => {
    const parsed = WorkflowRecipe.safeParse({ steps: steps.map((step) => ({ task: TASK, ...step })), output });
    return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  };

  it("is put in order", () => {
    const steps = [
      { id: "c", dependsOn: ["b"] },
      { id: "a", dependsOn: [] },
      { id: "b", dependsOn: ["a", "a"] },
    ];
    assert.deepEqual(
      inOrder(steps).map(({ id }) => id),
      ["a", "b", "c"],
    );
  });

  it("is refused with a cycle, an unknown step, an id that is taken or a reference to what has not ended", () => {
    assert.deepEqual(problems([{ id: "a" }, { id: "a" }]), ["steps.1.id: a is the id of an earlier step"]);
    assert.deepEqual(problems([{ id: "a", dependsOn: ["z"] }]), ["steps.0.dependsOn.0: there is no step z"]);
    assert.match(
      problems([
        { id: "a", dependsOn: ["b"] },
        { id: "b", dependsOn: ["a"] },
      ])[0] ?? "",
      /cycle.*a, b/,
    );
    assert.match(problems([{ id: "a", dependsOn: ["a"] }])[0] ?? "", /cycle/);
    assert.match(problems([{ id: "a", when: "failure" }])[0] ?? "", /names in dependsOn whose/);
    const refers = { id: "a", task: { prompt: "use ${{ steps.b.result }}" } };
    assert.match(problems([refers, { id: "b" }])[0] ?? "", /^steps\.0\.task\.prompt: .*b is no step that has ended/);
    assert.deepEqual(problems([{ ...refers, dependsOn: ["m"] }, { id: "m", dependsOn: ["b"] }, { id: "b" }]), []);
    assert.match(problems([{ id: "a" }], { x: "${{ steps.b.result }}" })[0] ?? "", /^output\.x: /);
    assert.match(problems([{ id: "a", task: { prompt: "${{ 1 + 1 }}" } }])[0] ?? "", /is no reference/);
    assert.deepEqual(problems([{ id: "a", task: { prompt: "$${{ github.ref }}" } }]), []);
    assert.match(
      problems([{ id: "a", task: { prompt: "x", context: { steps: 1 } } }])[0] ?? "",
      /added by the execution/,
    );
    assert.match(problems([{ id: "a", task: {} }])[0] ?? "", /neither a prompt nor steps/);
    const call = (input: object) => [{ id: "a", task: { steps: [{ tool: "execute_command", input }] } }];
    assert.match(problems(call({ command: "ls ${{ input.x }}" }))[0] ?? "", /a command line holds no references/);
    assert.deepEqual(problems(call({ argv: ["ls", "${{ input.x }}"] })), []);
    assert.match(problems(call({ argv: [] }))[0] ?? "", /^steps\.0\.task\.steps\.0\.input\.argv: /);
    assert.match(problems([{ id: "a", onlyIf: { value: "yes", equals: true } }])[0] ?? "", /must be one reference/);
  });
});
