import { z } from "zod";
import { PlatformError, ToolDeniedError } from "../../../contracts/errors.ts";
import { decideTool, type ToolPolicy, WorkerToolInputs, WorkerToolName } from "../../../contracts/tools.ts";
import { executeCommand } from "./execute-command.ts";
import { createDirectory, listDirectory, readFile, writeFile } from "./file-tools.ts";
import type { Tool, ToolAnswer, ToolContext } from "./tool.ts";

const TOOLS: { readonly [Name in WorkerToolName]: Tool<Name> } = {
  list_directory: listDirectory,
  read_file: readFile,
  write_file: writeFile,
  create_directory: createDirectory,
  execute_command: executeCommand,
};

export class ToolUnknownError extends PlatformError {
  constructor(name: string) {
    super("TOOL_UNKNOWN", `there is no tool ${JSON.stringify(name.slice(0, 100))} at the worker`, {
      remedy: `Use one of: ${WorkerToolName.options.join(", ")}.`,
      status: 404,
    });
  }
}

export class ToolInputInvalidError extends PlatformError {
  constructor(name: string, mistakes: string) {
    super("TOOL_INPUT_INVALID", `input of ${name}: ${mistakes}`, {
      remedy: "docs/reference/tools.md lists every key of every tool, its type and its default.",
      status: 422,
    });
  }
}

/** A full disk is the workspace's matter; other errors of the file system are the platform's. */
class DiskFullError extends PlatformError {
  constructor(cause: unknown) {
    super("DISK_FULL", "no space is left for the workspace's files", {
      remedy: "Drop cached repositories or artifacts, or move the workspace to a larger plan.",
      status: 507,
      cause,
    });
  }
}

/**
 * Runs one tool by name: the policy is asked first, then the input is checked against the tool's schema. Whatever the
 * caller can mend is an answer with `ok: false`; only a defect of the platform is thrown.
 */
export async function runTool(
  name: string,
  input: unknown,
  context: ToolContext,
  policy: ToolPolicy,
): Promise<ToolAnswer> {
  try {
    const known = WorkerToolName.safeParse(name);
    if (!known.success) throw new ToolUnknownError(name);
    const decision = decideTool(policy, known.data);
    if (decision !== "allow") throw new ToolDeniedError(known.data, decision);
    return await call(known.data, input, context);
  } catch (error) {
    const known = (error as NodeJS.ErrnoException).code === "ENOSPC" ? new DiskFullError(error) : error;
    if (!(known instanceof PlatformError)) throw known;
    return { ok: false, output: null, exitCode: null, error: known.toTaskError() };
  }
}

function call(name: WorkerToolName, input: unknown, context: ToolContext): Promise<ToolAnswer> {
  const schema: z.ZodType = WorkerToolInputs[name];
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw new ToolInputInvalidError(name, z.prettifyError(parsed.error));
  const tool = TOOLS[name] as (input: unknown, context: ToolContext) => Promise<ToolAnswer>;
  return tool(parsed.data, context);
}
