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
        .describe(
          "PostgreSQL databases. The secret `automatos:toolSecrets.database_query.<name>` is a URL whose role can only read.",
        ),
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
    .describe(
      "Its API key is the secret `automatos:toolSecrets.composio_execute`. A workspace's id is its user id there.",
    ),
});
export type ToolAdapters = z.infer<typeof ToolAdapters>;

const secret = z.string().min(1).max(10_000);

/** What adapters authenticate with. */
export const ToolSecrets = z.strictObject({
  composio_execute: secret.optional().describe("API key."),
  semantic_search: secret.optional().describe("Bearer token; none is sent without it."),
  search_images: secret.optional(),
  search_tables: secret.optional(),
  database_query: z.record(DatabaseName, secret).default({}).describe("Connection URLs, by the database's name."),
});
export type ToolSecrets = z.infer<typeof ToolSecrets>;

/** The secrets without which what is configured cannot work, as paths below `toolSecrets`. */
export function missingToolSecrets(tools: ToolAdapters, secrets: ToolSecrets): string[] {
  const databases = tools.database_query.databases.filter(({ name }) => secrets.database_query[name] === undefined);
  return [
    ...(tools.composio_execute !== undefined && secrets.composio_execute === undefined ? ["composio_execute"] : []),
    ...databases.map(({ name }) => `database_query.${name}`),
  ];
}
