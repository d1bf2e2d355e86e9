import type { ResourceState } from "../model.ts";
import { stackTraceOf } from "./goal.ts";
import type { Goal } from "./goal.ts";

/** What the program wants to look at: a resource that others manage. */
export interface ReadGoal {
  type: string;
  name: string;
  id: string;
  parent: string;
  provider: string;
  inputs: Goal["inputs"];
  dependencies: readonly string[];
  additionalSecretOutputs: readonly string[];
  sourcePosition: string;
  stackTrace: readonly string[];
}

/** What is known before it was read. */
export function stateOfRead(urn: string, goal: ReadGoal): ResourceState {
  const { parent, dependencies, additionalSecretOutputs, sourcePosition } = goal;
  return {
    urn,
    custom: true,
    id: goal.id,
    type: goal.type,
    inputs: goal.inputs,
    outputs: {},
    ...(parent === "" ? {} : { parent }),
    external: true,
    ...(dependencies.length === 0 ? {} : { dependencies: [...dependencies] }),
    provider: goal.provider,
    ...(additionalSecretOutputs.length === 0 ? {} : { additionalSecretOutputs: [...additionalSecretOutputs] }),
    ...(sourcePosition === "" ? {} : { sourcePosition }),
    ...(goal.stackTrace.length === 0 ? {} : { extra: { stackTrace: stackTraceOf(goal) } }),
  };
}
