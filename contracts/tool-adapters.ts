import { z } from "zod";

const seconds = z.int().min(1).max(120).default(30).describe("Seconds that a call may take.");

/** An index that somebody else runs; docs/decisions/0022-tools-have-a-side.md has its protocol. */
const IndexService = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe("Receives every search as a POST of JSON."),
  timeoutSeconds: seconds,
});

/** Who may use something that an administrator configured for several workspaces. */
const workspaces = z
  .union([z.literal("all"), z.array(z.uuid().toLowerCase())])
  .describe("Workspaces that may use it: their ids, or `all`. An empty list: none.");

export const DatabaseName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/);

/**
 * The tools that run at the API, as a stack configures them (`tools`) and as the API's TOOL_ADAPTERS holds them. What is
 * not here answers TOOL_NOT_CONFIGURED. Secrets are apart: TOOL_SECRETS.
 */
export const ToolAdapters = z.strictObject({
  search_documents: z
    .strictObject({
      enabled: z.boolean().default(true),
      language: z
        .enum(["simple", "english", "german", "french", "spanish", "italian", "dutch", "portuguese"])
        .default("english")
        .describe("Of the documents: decides which forms of a word are the same; `simple`: none."),
    })
    .prefault({}),
  semantic_search: IndexService.optional(),
  search_images: IndexService.optional(),
  search_tables: IndexService.optional(),
  database_query: z
    .strictObject({
      databases: z
        .array(z.strictObject({ name: DatabaseName, workspaces }))
        .default([])
        .describe("PostgreSQL databases. The secret `database_query.<name>` is a URL with a role that can only read."),
    })
    .prefault({}),
  composio_execute: z
    .strictObject({
      url: z.url({ protocol: /^https?$/ }).default("https://backend.composio.dev"),
      tools: z
        .array(z.string().regex(/^[A-Z][A-Z0-9_]*\*?$/))
        .describe("Slugs that agents may run, e.g. `GITHUB_GET_REPOS` or `GITHUB_*`. An empty list: none."),
      timeoutSeconds: seconds,
    })
    .optional()
    .describe("The secret `composio_execute` is the API key. A workspace's id is its user id there."),
});
export type ToolAdapters = z.infer<typeof ToolAdapters>;

/**
 * What adapters authenticate with: `composio_execute` (API key), `semantic_search`, `search_images`, `search_tables`
 * (bearer tokens, optional), `database_query.<name>` (connection URLs).
 */
export const ToolSecrets = z.record(z.string().min(1).max(200), z.string().min(1).max(10_000));
export type ToolSecrets = z.infer<typeof ToolSecrets>;
