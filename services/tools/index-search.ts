import { z } from "zod";
import type { ToolInput } from "../../contracts/tools.ts";
import { withDeadline } from "./deadline.ts";
import { postJson } from "./post-json.ts";
import type { AdapterContext, ToolAdapter } from "./tool-adapter.ts";

type IndexTool = "semantic_search" | "search_images" | "search_tables";

/** What an index service answers. docs/decisions/0022-tools-have-a-side.md documents the protocol. */
const IndexAnswer = z.object({
  results: z
    .array(
      z.object({
        id: z.string().max(1_000),
        title: z.string().max(1_000).optional(),
        source: z.string().max(4_096).optional(),
        score: z.number(),
        text: z.string().max(100_000),
        metadata: z.record(z.string(), z.json()).optional(),
      }),
    )
    .max(1_000),
  indexedAt: z.iso.datetime({ offset: true }).optional(),
});

export interface IndexSearchOptions {
  readonly url: string;
  readonly timeoutSeconds: number;
  /** Sent as a bearer token. @default none */
  readonly token?: string | undefined;
}

/**
 * Searches an index that somebody else runs. The service is told which workspace asks and must keep to what that one may
 * see; nothing else here can.
 *
 * Answers `{ results: [{ id, title, source, score, text, metadata }], indexedAt }`, the best first; `indexedAt` says how
 * fresh the index is, null where the service does not.
 */
export class IndexSearchAdapter<Name extends IndexTool> implements ToolAdapter<Name> {
  readonly name: Name;
  readonly #options: IndexSearchOptions;

  constructor(name: Name, options: IndexSearchOptions) {
    this.name = name;
    this.#options = options;
  }

  async call(input: ToolInput<Name>, { identity, signal: caller }: AdapterContext): Promise<unknown> {
    const { url, timeoutSeconds, token } = this.#options;
    // Of one form for all three; a generic name hides that.
    const { query, maxResults, filters } = input as ToolInput<IndexTool>;
    return withDeadline(this.name, timeoutSeconds, caller, async (signal) => {
      const { results, indexedAt } = await postJson({
        tool: this.name,
        url,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        body: { tool: this.name, workspaceId: identity.workspaceId, query, maxResults, filters },
        answer: IndexAnswer,
        signal,
        refusal: (body) => Refusal.safeParse(body).data?.message,
      });
      const best = [...results].sort((a, b) => b.score - a.score).slice(0, maxResults);
      return { results: best, indexedAt: indexedAt ?? null };
    });
  }
}

/** Of a service that refuses a search, e.g. for a filter that it does not know. */
const Refusal = z.object({ message: z.string() });
