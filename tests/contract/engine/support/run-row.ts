/** Runs a row and compares what happened with what it expects. */
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "./engines.ts";
import { comparable } from "./comparable.ts";
import { assertStateFile } from "./deployment-schema.ts";
import { readDeployment, readSteps, viewState } from "./observe.ts";
import { Project } from "./project.ts";
import { sourceOf } from "./program.ts";
import type { Command, Expected, Outcome, Row, Sequence } from "./row.ts";

/**
 * @returns The state after each command, in a form that two engines can be compared by.
 * @throws AssertionError
 */
export async function runRow(engine: Engine, row: Row): Promise<unknown[]> {
  const project = await Project.create(engine, sourceOf(row.program), row);
  try {
    await change(project, row.world ?? {});
    const states: unknown[] = [];
    for (const [index, command] of row.run.entries()) {
      const outcome = await runCommand(project, command);
      await compare(outcome, command, `command ${index + 1}, ${command.args[0] ?? ""}`);
      assertStateFile(await readFile(project.stateFile("dev"), "utf8"));
      states.push(comparable(await readDeployment(project.stateFile("dev")), project.folder));
    }
    return states;
  } finally {
    await project.remove();
  }
}

async function runCommand(project: Project, command: Command): Promise<Outcome> {
  const { args, flags = [], version, meanwhile = {}, isOperation, stdin } = command;
  if (version !== undefined) project.version = version;
  await change(project, meanwhile);
  const log = join(project.folder, "events.jsonl");
  await rm(log, { force: true });
  const answer = await project.run(
    [...args, ...flags, ...(isOperation ? ["--event-log", log] : [])],
    await stdin?.(project),
  );
  return {
    ...answer,
    ...(await readSteps(log)),
    ledger: await project.takeLedger(),
    state: viewState(await readDeployment(project.stateFile("dev"))),
    project,
  };
}

async function change(project: Project, things: Readonly<Record<string, object | null>>): Promise<void> {
  for (const [id, inputs] of Object.entries(things)) {
    const file = join(project.world, id);
    await (inputs === null ? rm(file) : writeFile(file, JSON.stringify(inputs)));
  }
}

async function compare(outcome: Outcome, expected: Expected, what: string): Promise<void> {
  const told = `\n${outcome.stdout}\n${outcome.stderr}`;
  if (expected.fails === undefined) assert.equal(outcome.code, 0, `${what} failed:${told}`);
  else {
    assert.notEqual(outcome.code, 0, `${what} did not fail:${told}`);
    assert.match([...outcome.errors, outcome.stderr].join("\n"), expected.fails, what);
  }
  if (expected.warns !== undefined) assert.match(outcome.warnings.join("\n"), expected.warns, what);
  if (expected.says !== undefined) assert.match(told, expected.says, what);
  if (expected.steps !== undefined) assertSequence(outcome.steps, expected.steps, `${what}: steps`);
  if (expected.ledger !== undefined) assertSequence(outcome.ledger, expected.ledger, `${what}: ledger`);
  if (expected.outputs !== undefined)
    assert.deepEqual(outcome.state.outputs, expected.outputs, `${what}: the stack's outputs`);
  if (expected.state !== undefined) assertState(outcome, expected.state, what);
  await expected.check?.(outcome);
}

function assertSequence(actual: readonly string[], expected: Sequence, what: string): void {
  const rest = [...actual];
  const sorted = expected.flatMap((element) => {
    if (typeof element === "string") return rest.splice(0, 1);
    return rest.splice(0, element.length).sort();
  });
  const wanted = expected.flatMap((element) => (typeof element === "string" ? [element] : [...element].sort()));
  assert.deepEqual([...sorted, ...rest], wanted, what);
}

function assertState(outcome: Outcome, expected: NonNullable<Expected["state"]>, what: string): void {
  const { resources } = outcome.state;
  assert.deepEqual(Object.keys(resources).sort(), Object.keys(expected).sort(), `${what}: resources in state`);
  for (const [name, fields] of Object.entries(expected)) {
    const actual = resources[name] ?? {};
    const shown = Object.fromEntries(Object.keys(fields).map((field) => [field, actual[field]]));
    assert.deepEqual(shown, fields, `${what}: ${name} in state`);
  }
}
