import { z } from "zod";
import { PlatformError, ToolDeniedError } from "../../../contracts/errors.ts";
import { decideTool, WorkerToolInputs, WorkerToolName, type ToolPolicy } from "../../../contracts/tools.ts";
import { createDirectory } from "./create-directory.ts";
import { executeCommand } from "./execute-command.ts";
import { listDirectory } from "./list-directory.ts";
import { readFile } from "./read-file.ts";
import type { Tool, ToolContext, ToolResult } from "./tool.ts";
import { DiskFullError, InvalidToolInputError, UnknownToolError } from "./tool-errors.ts";
import { writeFile } from "./write-file.ts";

const TOOLS: { readonly [Name in WorkerToolName]: Tool<Name> } = {
  list_directory: listDirectory,
  read_file: readFile,
  write_file: writeFile,
  create_directory: createDirectory,
  execute_command: executeCommand,
};

/**
 * Runs one tool call: asks the workspace's policy, checks the input, runs the tool. A PlatformError (a refusal, a file
 * that is not there, a sandbox that is missing) is the result's `error`; anything else is a fault and is thrown.
 */
export async function runTool(
  name: string,
  input: unknown,
  context: ToolContext,
  policy: ToolPolicy,
): Promise<ToolResult> {
  try {
    const known = WorkerToolName.safeParse(name);
    if (!known.success) throw new UnknownToolError(name);
    const decision = decideTool(policy, known.data);
    if (decision !== "allow") throw new ToolDeniedError(known.data, decision);
    return await call(known.data, input, context);
  } catch (error) {
    const known = (error as NodeJS.ErrnoException).code === "ENOSPC" ? new DiskFullError(error) : error;
    if (known instanceof PlatformError) return { ok: false, output: null, error: known };
    throw known;
  }
}

function call(name: WorkerToolName, input: unknown, context: ToolContext): Promise<ToolResult> {
  const schema: z.ZodType = WorkerToolInputs[name];
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw new InvalidToolInputError(name, z.prettifyError(parsed.error));
  const tool = TOOLS[name] as (input: unknown, context: ToolContext) => Promise<ToolResult>;
  return tool(parsed.data, context);
}
