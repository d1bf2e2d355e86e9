import type { JsonValue } from "../../../contracts/json.ts";

/** Tells an agent's checkpoint from one of scripted steps. */
export const AGENT_CHECKPOINT = "agent";

/** Whether the task had come to its model when it was saved last. */
export const isAgentCheckpoint = (checkpoint: JsonValue | null): boolean =>
  typeof checkpoint === "object" &&
  checkpoint !== null &&
  "kind" in checkpoint &&
  checkpoint["kind"] === AGENT_CHECKPOINT;
