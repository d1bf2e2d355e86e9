import type { ToolInput } from "../../../contracts/tools.ts";
import { splitWorkspacePath } from "../../workspace/safe-path.ts";
import { ExcerptReader } from "./excerpts.ts";
import { firstBytes } from "./cut-text.ts";
import {
  CommandCancelledError,
  CommandOutOfMemoryError,
  InvalidPatternError,
  SearchFailedError,
  SearchTimedOutError,
} from "./tool-errors.ts";
import { succeeded, type Tool } from "./tool.ts";
import { workspaceFiles } from "./workspace-files.ts";

const TIMEOUT_MS = 30_000;
const MAX_EXCERPT_BYTES = 256 * 1024;
const MAX_COMPLAINT_BYTES = 1_000;

/** The workspace's own configuration of git may say anything; none of it is wanted here. */
const ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CEILING_DIRECTORIES: "/workspace",
  GIT_PAGER: "cat",
  LC_ALL: "C.UTF-8",
};

/**
 * Searches the working trees as they are at this moment with `git grep --no-index`, in the sandbox: the pattern and the
 * files are the tenant's, and what an expression without end costs is bounded by the sandbox's limits and 30 s. Links
 * are not followed; `.git` folders, binary files and, unless asked for, what a `.gitignore` names are left out.
 *
 * Answers excerpts: adjoining lines of one file, with the numbers of those that match. `truncated` says that there is
 * more than was asked for.
 */
export const searchCodebase: Tool<"search_codebase"> = async (input, context) => {
  const path = splitWorkspacePath(input.path).join("/") || ".";
  await workspaceFiles(context).stat(path); // says at once that there is no such folder
  const excerpts = new ExcerptReader({ maxMatches: input.maxResults, maxBytes: MAX_EXCERPT_BYTES });
  const enough = new AbortController();
  let complaint = "";
  const exit = await context.sandbox.run(context.profile, {
    argv: ["git", ...grepArguments(input, path)],
    cwd: ".",
    environment: ENVIRONMENT,
    timeoutMs: TIMEOUT_MS,
    signal: AbortSignal.any([context.signal, enough.signal]),
    onOutput: (stream, text) => {
      if (stream === "stderr") complaint = firstBytes(complaint + text, MAX_COMPLAINT_BYTES);
      else if (!excerpts.push(text)) enough.abort();
    },
  });
  if (context.signal.aborted) throw new CommandCancelledError();
  const found = excerpts.end();
  if (!found.truncated) {
    if (exit.timedOut) throw new SearchTimedOutError(TIMEOUT_MS / 1_000);
    if (exit.outOfMemory) throw new CommandOutOfMemoryError(context.profile.limits.memoryMb);
    // 1: nothing found
    if (exit.exitCode !== 0 && exit.exitCode !== 1) {
      const says = complaint.trim();
      throw input.regex ? new InvalidPatternError(says) : new SearchFailedError(says);
    }
  }
  return succeeded(found);
};

function grepArguments(input: ToolInput<"search_codebase">, path: string): string[] {
  const prefix = path === "." ? "" : `${path.replaceAll(/[*?[\\]/g, "\\$&")}/`;
  const patterns = input.include.map((pattern) => `:(glob)${prefix}**/${pattern}`);
  return [
    ...["--no-pager", "grep", "--no-index", "-I", "-n", "--column", "-z", "--no-color", "--no-heading", "--no-break"],
    ...["--full-name", "-C", String(input.contextLines), input.regex ? "-P" : "-F"],
    ...(input.caseSensitive ? [] : ["-i"]),
    ...(input.includeIgnored ? [] : ["--exclude-standard"]),
    ...["-e", input.query, "--"],
    ...(patterns.length > 0 ? patterns : [`:(literal)${path}`]),
  ];
}
