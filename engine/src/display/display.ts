/** What every way of showing an operation has in common. */
import type { EngineEvent, OperationKind } from "../model.ts";
import { viewEvent, type EventView } from "./event-views.ts";
import type { Paint } from "./words.ts";

/** Shows one run of the engine: events as they come, then the end. */
export interface Display {
  event(event: EngineEvent): void;
  /**
   * The run is over; nothing comes after this.
   * @param outputs What the stack exports, secrets in the clear, where they were asked for.
   */
  close(outputs?: RevealedOutputs): void;
}

export type RevealedOutputs = Readonly<Record<string, unknown>>;

export interface DisplayOptions {
  readonly out: (text: string) => void;
  readonly paint: Paint;
  /** `Previewing update`, `Updating` … */
  readonly action: string;
  readonly stack: string;
  readonly isPreview: boolean;
  readonly suppressOutputs: boolean;
}

export function actionLabel(kind: OperationKind, isPreview: boolean): string {
  const noun = kind === "preview" ? "update" : kind;
  if (isPreview) return `Previewing ${noun}`;
  return { update: "Updating", refresh: "Refreshing", destroy: "Destroying" }[noun];
}

/** A display that is a function of one event after the other. */
export function displayOf(show: (event: EventView) => void, close: (outputs?: RevealedOutputs) => void): Display {
  return {
    event(event) {
      const view = viewEvent(event);
      if (view !== undefined) show(view);
    },
    close,
  };
}
