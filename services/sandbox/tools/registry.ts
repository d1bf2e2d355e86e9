import {
  PlatformError,
  ToolDeniedError,
  ToolNeedsApprovalError,
  ToolNotConfiguredError,
} from "../../../contracts/errors.ts";
import { ApiToolName, decideTool, ToolName, type ToolPolicy, type WorkerToolName } from "../../../contracts/tools.ts";
import { checkInput } from "./check-input.ts";
import { createDirectory } from "./create-directory.ts";
import { executeCommand } from "./execute-command.ts";
import { listDirectory } from "./list-directory.ts";
import { readFile } from "./read-file.ts";
import { searchCodebase } from "./search-codebase.ts";
import { succeeded, type Tool, type ToolContext, type ToolResult } from "./tool.ts";
import { DiskFullError, UnknownToolError } from "./tool-errors.ts";
import { writeFile } from "./write-file.ts";

const AT_THE_WORKER: { readonly [Name in WorkerToolName]: Tool<Name> } = {
  list_directory: listDirectory,
  read_file: readFile,
  write_file: writeFile,
  create_directory: createDirectory,
  execute_command: executeCommand,
  search_codebase: searchCodebase,
};

/**
 * Runs one tool call, wherever the tool is: asks the workspace's policy, checks the input, runs the tool. A
 * PlatformError (a refusal, a file that is not there, a sandbox that is missing) is the result's `error`; anything else
 * is a fault and is thrown. A call that a person must allow first, and that `context` does not say is approved, has a
 * ToolNeedsApprovalError: nothing of it has been done.
 */
export async function runTool(
  name: string,
  input: unknown,
  context: ToolContext,
  policy: ToolPolicy,
): Promise<ToolResult> {
  try {
    const known = ToolName.safeParse(name);
    if (!known.success) throw new UnknownToolError(name);
    const decision = decideTool(policy, known.data);
    if (decision === "deny") throw new ToolDeniedError(known.data);
    // Before a person is asked: nobody should have to read a call that could not be made.
    const checked = checkInput(known.data, input);
    if (decision === "ask" && context.approved !== true) throw new ToolNeedsApprovalError(known.data);
    return await call(known.data, checked, context);
  } catch (error) {
    const known = (error as NodeJS.ErrnoException).code === "ENOSPC" ? new DiskFullError(error) : error;
    if (known instanceof PlatformError) return { ok: false, output: null, error: known };
    throw known;
  }
}

async function call(name: ToolName, input: unknown, context: ToolContext): Promise<ToolResult> {
  const { data: apiTool } = ApiToolName.safeParse(name);
  if (apiTool === undefined) {
    // Its input has just been checked against this tool's schema.
    const tool = AT_THE_WORKER[name as WorkerToolName] as (input: unknown, context: ToolContext) => Promise<ToolResult>;
    return tool(input, context);
  }
  if (context.apiTools === undefined) throw new ToolNotConfiguredError(apiTool, "API_URL of the worker");
  const { callId, signal } = context;
  return succeeded(await context.apiTools.call(apiTool, input, { callId, signal }));
}
