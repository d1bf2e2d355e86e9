import { Counter, type Registry } from "prom-client";
import { PlatformError, ToolNotConfiguredError } from "../../contracts/errors.ts";
import type { ApiToolName, ToolInput } from "../../contracts/tools.ts";
import type { Logger } from "../runtime/logger.ts";
import { checkInput } from "../sandbox/tools/check-input.ts";
import type { AdapterContext, ToolAdapter } from "./tool-adapter.ts";
import { ToolBusyError } from "./tool-errors.ts";

/** The adapters that an installation has; a key of the configuration stands for one that it has not. */
export type Adapters = { readonly [Name in ApiToolName]: ToolAdapter<Name> | string };

/** Calls of one workspace that may be under way at once in one process. */
const MAX_CALLS_PER_WORKSPACE = 16;

/** The tools that run at the API. Whether a workspace may call one is its caller's matter: see decideTool. */
export class ToolService {
  readonly #adapters: Adapters;
  readonly #log: Logger;
  readonly #calls: Counter<"tool" | "outcome">;
  readonly #underWay = new Map<string, number>();

  constructor(deps: { readonly adapters: Adapters; readonly log: Logger; readonly registry: Registry }) {
    this.#adapters = deps.adapters;
    this.#log = deps.log;
    this.#calls = new Counter({
      name: "automatos_tool_calls_total",
      help: "Calls of tools that run at the API, by tool and by `ok` or the code of the error.",
      labelNames: ["tool", "outcome"],
      registers: [deps.registry],
    });
  }

  /** The configuration key without which this workspace cannot use the tool; null where it can. */
  missing(name: ApiToolName, workspaceId: string): string | null {
    const adapter = this.#adapters[name];
    return typeof adapter === "string" ? adapter : (adapter.missing?.(workspaceId) ?? null);
  }

  /**
   * Does one call and logs that it was made, without its contents.
   *
   * @throws ToolNotConfiguredError, ToolBusyError, InvalidToolInputError, and what the adapter throws
   */
  async call(name: ApiToolName, input: unknown, context: AdapterContext): Promise<unknown> {
    const { workspaceId, taskId } = context.identity;
    const adapter = this.#adapters[name];
    const missing = this.missing(name, workspaceId);
    if (typeof adapter === "string" || missing !== null) throw new ToolNotConfiguredError(name, missing ?? "it");
    const checked = checkInput(name, input);
    const underWay = this.#underWay.get(workspaceId) ?? 0;
    if (underWay >= MAX_CALLS_PER_WORKSPACE) throw new ToolBusyError(workspaceId, MAX_CALLS_PER_WORKSPACE);
    this.#underWay.set(workspaceId, underWay + 1);
    const startedAt = performance.now();
    let outcome = "ok";
    try {
      // Its input has just been checked against this tool's schema.
      return await (adapter as ToolAdapter).call(checked as ToolInput<ApiToolName>, context);
    } catch (error) {
      outcome = error instanceof PlatformError ? error.code : "INTERNAL_ERROR";
      throw error;
    } finally {
      const left = (this.#underWay.get(workspaceId) ?? 1) - 1;
      if (left === 0) this.#underWay.delete(workspaceId);
      else this.#underWay.set(workspaceId, left);
      this.#calls.inc({ tool: name, outcome });
      const durationMs = Math.round(performance.now() - startedAt);
      this.#log.info(
        { event: "tool_called", tool: name, workspaceId, taskId, outcome, durationMs },
        "tool called at the API",
      );
    }
  }
}
