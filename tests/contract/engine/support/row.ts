/** Rows: a behaviour, a program, and the commands that show it. */
import type { ResourceView, StateView, Steps } from "./observe.ts";
import type { Program } from "./program.ts";
import type { Answer, Project, ProjectContents } from "./project.ts";

/** In this order; what stands in a list within may come in any order. */
export type Sequence = readonly (string | readonly string[])[];

/** What is expected of an operation. What is left out is not looked at, but that it succeeds. */
export interface Expected {
  /** The program's version from here on. */
  readonly version?: number;
  /** More of the command line, `--target` takes names of resources in `urn(name)`. */
  readonly flags?: readonly string[];
  /** What happens to things behind the engine's back before the command: their inputs by id, null where it is gone. */
  readonly meanwhile?: Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;
  /** `<op> <name>` */
  readonly steps?: Sequence;
  /** `create <id>`, `update <id>`, `delete <id>`, `invoke <function>`: what the provider was asked to do. */
  readonly ledger?: Sequence;
  /** The stack's outputs as they are in state; "<secret>" where one is encrypted. */
  readonly outputs?: unknown;
  /** Every resource in state, the stack and default providers apart; of each, the fields that matter. */
  readonly state?: Readonly<Record<string, ResourceView>>;
  /** What an error says; without it the command must succeed. */
  readonly fails?: RegExp;
  /** What a warning says; without it there may be any. */
  readonly warns?: RegExp;
  /** What is printed, standard output and error. */
  readonly says?: RegExp;
  /** Anything else. */
  readonly check?: (outcome: Outcome) => void | Promise<void>;
}

export interface Outcome extends Answer, Steps {
  readonly ledger: readonly string[];
  readonly state: StateView;
  readonly project: Project;
}

export interface Command extends Expected {
  readonly args: readonly string[];
  /** Whether it takes `--event-log`. */
  readonly isOperation: boolean;
  readonly stdin?: (project: Project) => Promise<string>;
}

export interface Row extends ProjectContents {
  readonly program: Program;
  /** Things that exist before: their inputs by id. */
  readonly world?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly run: readonly Command[];
}

/** Rows by the behaviour that each shows. */
export type Rows = Readonly<Record<string, Row>>;

const operation =
  (...args: string[]) =>
  (expected: Expected = {}): Command => ({ ...expected, args, isOperation: true });

export const up = operation("up", "--yes", "--skip-preview");
export const preview = operation("preview");
export const refresh = operation("refresh", "--yes", "--skip-preview");
export const destroy = operation("destroy", "--yes", "--skip-preview");

/** Any other command, as on a command line without quotes. */
export function pulumi(line: string, expected: Expected & Pick<Command, "stdin"> = {}): Command {
  return { ...expected, args: line.split(" "), isOperation: false };
}

/** The URN of a resource of the suite's project. @param parents Types of its parents, outermost first. */
export function urn(name: string, type = "conf:index:Thing", ...parents: string[]): string {
  return `urn:pulumi:dev::conf-project::${[...parents, type].join("$")}::${name}`;
}
