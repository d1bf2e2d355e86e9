import { z } from "zod";
import { Json } from "./json.ts";

const MAX_PATH_CHARS = 4_096;
/** A path below the workspace, with `/` between its parts. Where it leads is checked when it is opened, not here. */
export const WorkspacePath = z
  .string()
  .min(1)
  .max(MAX_PATH_CHARS)
  .refine((path) => !path.includes("\0"), "holds a NUL byte")
  .refine((path) => path.isWellFormed(), "holds half a character (a lone surrogate), which no file's name can")
  .refine((path) => !path.startsWith("/"), "must be relative to the workspace")
  .describe("Relative to the workspace, e.g. `repos/shop/src/index.js`.");

const noNul = (text: string): boolean => !text.includes("\0");
const searchText = z.string().min(1).max(1_000).refine(noNul, "holds a NUL byte");
const results = (most: number, usual: number) =>
  z.int().min(1).max(most).default(usual).describe("Answers at most so many.");

/** What an outside index is asked: the same for text, pictures and tables. */
const indexSearch = (what: string) =>
  z.strictObject({
    query: searchText.describe(what),
    maxResults: results(100, 10),
    filters: z
      .record(z.string().min(1).max(100), z.union([z.string().max(1_000), z.number(), z.boolean()]))
      .default({})
      .describe("Only entries whose metadata have these values; what an entry has is the index's matter."),
  });

/** Headers that a caller of `http_request` cannot give: who they speak for is the connection. */
const CONNECTION_HEADERS = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const HeaderName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/, "is no header name")
  .refine((name) => !CONNECTION_HEADERS.has(name.toLowerCase()), "is set by the connection itself")
  .refine((name) => !name.toLowerCase().startsWith("proxy-"), "is set by the connection itself");
const HeaderValue = z
  .string()
  .max(8_192)
  .regex(/^[^\u0000-\u0008\u000a-\u001f\u007f\u0100-\uffff]*$/, "may hold visible Latin-1 characters, spaces and tabs");

/** The inputs of every tool. A model reads the descriptions, so they are written for it. */
export const ToolInputs = {
  list_directory: z.strictObject({
    path: WorkspacePath.default("."),
    recursive: z.boolean().default(false).describe("Also everything below it."),
    maxEntries: z.int().min(1).max(10_000).default(1_000).describe("Answers at most so many entries."),
  }),
  read_file: z.strictObject({
    path: WorkspacePath,
    offsetBytes: z.int().min(0).default(0).describe("Where to begin; `nextOffsetBytes` of the answer before."),
    maxBytes: z.int().min(1).max(1_048_576).default(102_400).describe("Reads at most so many bytes."),
  }),
  write_file: z.strictObject({
    path: WorkspacePath,
    content: z.string().max(10_485_760).describe("The whole new content; what was in the file is replaced."),
    encoding: z.enum(["utf8", "base64"]).default("utf8").describe("Of `content`: text, or bytes in base64."),
    createDirectories: z.boolean().default(true).describe("Make the directories that its path needs."),
  }),
  create_directory: z.strictObject({ path: WorkspacePath }),
  execute_command: z
    .strictObject({
      argv: z.array(z.string().max(131_072)).min(1).max(1_000).optional().describe("The program and its arguments."),
      command: z
        .string()
        .min(1)
        .max(131_072)
        .optional()
        .describe(
          "A command line, parsed (quotes, pipes, `&&`, redirections into the workspace), never given to a host shell.",
        ),
      cwd: WorkspacePath.default("."),
      environment: z
        .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(131_072))
        .default({})
        .describe("Variables for this command."),
      timeoutSeconds: z.int().min(1).max(3_600).default(60).describe("It is killed when it runs longer."),
      stdin: z.string().max(1_048_576).optional().describe("What the command reads from its standard input."),
    })
    .refine((input) => (input.argv === undefined) !== (input.command === undefined), "give either argv or command"),
  search_codebase: z.strictObject({
    query: searchText
      .refine((text) => !/[\r\n]/.test(text), "must be one line: files are searched line by line")
      .describe("Text to look for, as it stands; a regular expression when `regex` is true."),
    regex: z.boolean().default(false).describe("Take `query` for a Perl-compatible regular expression, line by line."),
    caseSensitive: z.boolean().default(true).describe("Whether upper and lower case differ."),
    path: WorkspacePath.default("repos").describe("Folder or file to look in, e.g. `repos/shop/src`."),
    include: z
      .array(
        z
          .string()
          .min(1)
          .max(200)
          .refine(noNul, "holds a NUL byte")
          .refine((pattern) => !pattern.split("/").includes(".."), "must not hold `..`"),
      )
      .max(20)
      .default([])
      .describe("Only files whose path matches one of these patterns, e.g. `*.ts` or `src/**/*.py`."),
    includeIgnored: z
      .boolean()
      .default(false)
      .describe("Also files that a `.gitignore` names, such as installed packages and builds."),
    contextLines: z.int().min(0).max(10).default(2).describe("Lines to show before and after each match."),
    maxResults: results(1_000, 100),
  }),
  search_documents: z.strictObject({
    query: searchText.describe(
      'Words that a document must have; "quoted phrases" in that order, `or` between choices, `-` before what must be absent.',
    ),
    path: WorkspacePath.optional().describe("Only documents below this folder, e.g. `artifacts/reports`."),
    maxResults: results(100, 10),
  }),
  list_tasks: z.strictObject({
    correlationId: z.string().min(1).max(200).refine(noNul, "holds a NUL byte").optional(),
    parentExecutionId: z.uuid().toLowerCase().optional(),
    status: z.enum(["queued", "running", "completed", "failed", "cancelled", "timed_out"]).optional(),
    maxResults: results(100, 20),
  }),
  read_task_result: z.strictObject({
    taskId: z.uuid().toLowerCase().describe("A task of this workspace, e.g. one that list_tasks has shown."),
    maxChars: z.int().min(100).max(262_144).default(32_768).describe("Of its result; what is over is cut."),
  }),
  semantic_search: indexSearch("What to find, in plain words; entries of like meaning are found."),
  search_images: indexSearch("What is to be seen in the picture, in plain words."),
  search_tables: indexSearch("What the table is about, or what stands in it, in plain words."),
  database_query: z.strictObject({
    database: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/)
      .default("default")
      .describe("Name of one of the workspace's databases."),
    query: z
      .string()
      .min(1)
      .max(100_000)
      .refine(noNul, "holds a NUL byte")
      .describe("One SQL statement that reads (PostgreSQL). Values go into `parameters`, as $1, $2 and so on."),
    parameters: z
      .array(z.union([z.string().max(100_000), z.number(), z.boolean(), z.null()]))
      .max(100)
      .default([])
      .describe("The values of $1, $2 and so on."),
    maxRows: z.int().min(1).max(10_000).default(200).describe("Answers at most so many rows."),
    timeoutSeconds: z.int().min(1).max(120).default(30).describe("It is stopped when it runs longer."),
  }),
  composio_execute: z.strictObject({
    tool: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]{2,199}$/)
      .describe("The tool's slug at Composio, e.g. `GITHUB_GET_REPOS`."),
    arguments: z.record(z.string().max(200), Json).default({}).describe("The tool's own arguments."),
  }),
  http_request: z.strictObject({
    method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]).default("GET"),
    url: z
      .url({ protocol: /^https?$/ })
      .max(8_192)
      .refine(
        (url) => !URL.canParse(url) || new URL(url).username + new URL(url).password === "",
        "must hold no password",
      )
      .describe("Its host must be on the workspace's allow-list."),
    headers: z
      .record(HeaderName, HeaderValue)
      .refine((headers) => Object.keys(headers).length <= 100, "more than 100 headers")
      .default({}),
    body: z.string().max(1_048_576).optional().describe("Not with GET or HEAD."),
    bodyEncoding: z.enum(["utf8", "base64"]).default("utf8").describe("Of `body`: text, or bytes in base64."),
    followRedirects: z.boolean().default(true).describe("Up to five; each target is checked like the first."),
    maxBytes: z.int().min(1).max(1_048_576).default(102_400).describe("Of the answer's body; the rest is not read."),
    timeoutSeconds: z.int().min(1).max(120).default(30).describe("For everything, redirects included."),
  }),
} as const;
