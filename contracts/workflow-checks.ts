import { TaskStep } from "./tools.ts";
import { ancestors, inOrder, type GraphStep } from "./workflow-graph.ts";
import { findReferences, type FoundReference } from "./workflow-reference.ts";

interface CheckedStep extends GraphStep {
  readonly when: string;
  readonly onlyIf?: { readonly value: string } | undefined;
  readonly task: {
    readonly prompt: string;
    readonly systemPrompt?: string | undefined;
    readonly steps: readonly { readonly tool: string; readonly input: Readonly<Record<string, unknown>> }[];
    readonly context: Readonly<Record<string, unknown>>;
  };
}

interface CheckedRecipe {
  readonly steps: readonly CheckedStep[];
  readonly output?: unknown;
}

interface Mistake {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What is wrong with a recipe whose form is right. */
export function checkRecipe(recipe: CheckedRecipe): Mistake[] {
  const graph = checkGraph(recipe.steps);
  if (graph.length > 0) return graph;
  const before = ancestors(recipe.steps);
  const all = new Set(recipe.steps.map(({ id }) => id));
  return [
    ...recipe.steps.flatMap((step, index) =>
      checkStep(step, before.get(step.id) ?? new Set()).map(({ path, message }) => ({
        path: ["steps", index, ...path],
        message,
      })),
    ),
    ...checkReferences(findReferences(recipe.output, ["output"]), all),
  ];
}

function checkGraph(steps: readonly CheckedStep[]): Mistake[] {
  const ids = new Set<string>();
  const mistakes: Mistake[] = [];
  for (const [index, { id }] of steps.entries()) {
    if (ids.has(id)) mistakes.push({ path: ["steps", index, "id"], message: `${id} is the id of an earlier step` });
    ids.add(id);
  }
  for (const [index, { dependsOn }] of steps.entries()) {
    for (const [place, id] of dependsOn.entries()) {
      const path = ["steps", index, "dependsOn", place];
      if (!ids.has(id)) mistakes.push({ path, message: `there is no step ${id}` });
    }
  }
  if (mistakes.length > 0) return mistakes;
  const ordered = new Set(inOrder(steps).map(({ id }) => id));
  const stuck = steps.filter(({ id }) => !ordered.has(id)).map(({ id }) => id);
  if (stuck.length === 0) return [];
  const named = stuck.slice(0, 10).join(", ");
  return [{ path: ["steps"], message: `steps wait for each other in a cycle, or behind one: ${named}` }];
}

function checkStep(step: CheckedStep, before: ReadonlySet<string>): Mistake[] {
  const { task, onlyIf } = step;
  const mistakes: Mistake[] = [];
  if (step.when === "failure" && step.dependsOn.length === 0) {
    mistakes.push({ path: ["when"], message: "a step that waits for a failure names in dependsOn whose" });
  }
  if (task.prompt === "" && task.steps.length === 0) {
    mistakes.push({ path: ["task"], message: "has neither a prompt nor steps" });
  }
  for (const key of ["input", "steps"]) {
    if (Object.hasOwn(task.context, key)) {
      mistakes.push({ path: ["task", "context", key], message: "is added by the execution and cannot be given" });
    }
  }
  for (const [index, call] of task.steps.entries()) mistakes.push(...checkCall(call, ["task", "steps", index]));
  const condition = onlyIf === undefined ? [] : findReferences(onlyIf.value, ["onlyIf", "value"]);
  if (onlyIf !== undefined && (condition.length !== 1 || condition[0]?.text !== onlyIf.value)) {
    mistakes.push({ path: ["onlyIf", "value"], message: "must be one reference, e.g. ${{ steps.review.result.ok }}" });
  }
  const found = [
    ...findReferences(task.prompt, ["task", "prompt"]),
    ...findReferences(task.systemPrompt, ["task", "systemPrompt"]),
    ...findReferences(task.steps, ["task", "steps"]),
    ...findReferences(task.context, ["task", "context"]),
    ...condition,
  ];
  return [...mistakes, ...checkReferences(found, before)];
}

/** A call without references is held to its tool's schema at once; one with them when they are known. */
function checkCall(
  call: { readonly tool: string; readonly input: Readonly<Record<string, unknown>> },
  path: readonly (string | number)[],
): Mistake[] {
  if (findReferences(call.input["command"]).length > 0 && call.tool === "execute_command") {
    const message = "a command line holds no references, since what is put in could add words to it: give argv";
    return [{ path: [...path, "input", "command"], message }];
  }
  if (findReferences(call).length > 0) return [];
  const parsed = TaskStep.safeParse(call);
  if (parsed.success) return [];
  return parsed.error.issues.map(({ path: at, message }) => ({ path: [...path, ...(at as string[])], message }));
}

function checkReferences(found: readonly FoundReference[], known: ReadonlySet<string>): Mistake[] {
  return found.flatMap(({ path, text, reference }) => {
    if (reference === undefined) {
      return [{ path, message: `${text} is no reference; $\${{ stands for the braces themselves` }];
    }
    if (reference.root !== "steps" || known.has(reference.step)) return [];
    return [{ path, message: `${text}: ${reference.step} is no step that has ended by then; name it in dependsOn` }];
  });
}
