import { z } from "zod";
import type { ToolInput } from "../../contracts/tools.ts";
import { withDeadline } from "./deadline.ts";
import { postJson } from "./post-json.ts";
import type { AdapterContext, ToolAdapter } from "./tool-adapter.ts";
import { NetworkAccessOffError, ToolCallRefusedError } from "./tool-errors.ts";

/** Of `POST /api/v3/tools/execute/{tool_slug}`: docs.composio.dev, REST API, "Execute tool". */
const ExecuteAnswer = z.object({
  data: z.json().optional(),
  error: z.string().nullish(),
  successful: z.boolean(),
  log_id: z.string().optional(),
});
const Refusal = z.object({ error: z.object({ message: z.string() }) });

export interface ComposioOptions {
  readonly url: string;
  readonly apiKey: string;
  /** Slugs that may be run; `GITHUB_*` stands for all that begin so. */
  readonly tools: readonly string[];
  readonly timeoutSeconds: number;
}

/**
 * Runs a tool of Composio over its REST API, version 3. The workspace's id is the user id there, so that an agent works
 * with the accounts that were connected for its workspace and with no other's. It has been tested against a server that
 * speaks the documented protocol, never against the real service.
 *
 * Answers `{ data, logId }`.
 */
export class ComposioExecuteAdapter implements ToolAdapter<"composio_execute"> {
  readonly name = "composio_execute";
  readonly #options: ComposioOptions;

  constructor(options: ComposioOptions) {
    this.#options = options;
  }

  missing(): string | null {
    return this.#options.tools.length > 0 ? null : "tools.composio_execute.tools";
  }

  async call(input: ToolInput<"composio_execute">, context: AdapterContext): Promise<unknown> {
    const { url, apiKey, timeoutSeconds } = this.#options;
    if (!context.networkAccess) throw new NetworkAccessOffError(this.name);
    if (!this.#options.tools.some((allowed) => covers(allowed, input.tool))) {
      throw new ToolCallRefusedError(this.name, `${input.tool} is not among the tools that this installation allows`);
    }
    const answer = await withDeadline(this.name, timeoutSeconds, context.signal, (signal) =>
      postJson({
        tool: this.name,
        url: `${url.replace(/\/+$/, "")}/api/v3/tools/execute/${encodeURIComponent(input.tool)}`,
        headers: { "x-api-key": apiKey },
        body: { user_id: context.identity.workspaceId, arguments: input.arguments },
        answer: ExecuteAnswer,
        signal,
        refusal: (body) => Refusal.safeParse(body).data?.error.message,
      }),
    );
    if (!answer.successful)
      throw new ToolCallRefusedError(this.name, answer.error ?? `${input.tool} was not successful`);
    return { data: answer.data ?? null, logId: answer.log_id ?? null };
  }
}

const covers = (allowed: string, tool: string): boolean =>
  allowed.endsWith("*") ? tool.startsWith(allowed.slice(0, -1)) : tool === allowed;
