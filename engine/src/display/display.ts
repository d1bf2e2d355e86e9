/** What every way of showing an operation has in common. */
import type { EngineEvent, OperationKind, ResourceState } from "../model.ts";
import { viewEvent, type EventView } from "./event-views.ts";
import type { Paint } from "./words.ts";

/** Shows one run of the engine: events as they come, then the end. */
export interface Display {
  event(event: EngineEvent): void;
  /** The run is over; nothing comes after this. */
  close(ending?: Ending): void;
}

/** What is known only when a run is over. */
export interface Ending {
  /** What the stack exports, secrets in the clear, where they were asked for. */
  readonly outputs?: RevealedOutputs;
  /** Whole states, which events hold in part: before the run, and after it as far as that is known. */
  readonly states?: { readonly before: readonly ResourceState[]; readonly after: readonly ResourceState[] };
}

export type RevealedOutputs = Readonly<Record<string, unknown>>;

/** What is left out unless it is asked for. */
export interface ShownDetails {
  /** Resources that do not change. */
  readonly sames?: boolean;
  /** Resources that are read, and are none of the stack's. */
  readonly reads?: boolean;
  /** The steps that a replacement is made of. */
  readonly replacementSteps?: boolean;
  readonly config?: boolean;
  /** URNs in place of types and names. */
  readonly urns?: boolean;
  /** Messages for who looks for a fault. */
  readonly debug?: boolean;
}

export interface DisplayOptions {
  readonly out: (text: string) => void;
  readonly paint: Paint;
  /** `Previewing update`, `Updating` … */
  readonly action: string;
  readonly stack: string;
  readonly isPreview: boolean;
  readonly suppressOutputs: boolean;
  /** @default nothing of it */
  readonly shown?: ShownDetails;
  /** Each remediation by a policy, instead of a count. @default false */
  readonly showPolicyRemediations?: boolean;
}

/** The configuration of a run, where it is to be shown. */
export function configText(config: Readonly<Record<string, string>>, paint: Paint): string {
  const lines = Object.entries(config)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `    ${key}: ${value}\n`);
  return `${paint("dim", "Configuration:")}\n${lines.join("")}`;
}

export function actionLabel(kind: OperationKind, isPreview: boolean): string {
  const noun = kind === "preview" ? "update" : kind;
  if (isPreview) return `Previewing ${noun}`;
  return { update: "Updating", refresh: "Refreshing", destroy: "Destroying", import: "Importing" }[noun];
}

/** A display that is a function of one event after the other. */
export function displayOf(show: (event: EventView) => void, close: (ending: Ending) => void): Display {
  return {
    event(event) {
      const view = viewEvent(event);
      if (view !== undefined) show(view);
    },
    close: (ending = {}) => close(ending),
  };
}
