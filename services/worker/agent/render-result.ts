import { CommandFailedError } from "../../sandbox/tools/tool-errors.ts";
import type { ToolResult } from "../../sandbox/tools/tool.ts";
import { storable } from "../../runtime/storable-text.ts";
import { cutText } from "./trim-context.ts";

/**
 * What a model reads of a tool's answer, at most `limitBytes`: text as it is, without JSON's escapes, beginning and end
 * where it is too long. Everything else is JSON.
 */
export function renderResult(tool: string, { output, error }: ToolResult, limitBytes: number): string {
  // That a command ended with another code than 0 is news, not a mistake of the call.
  const problem =
    error === null || error instanceof CommandFailedError ? "" : `${error.code}: ${error.message}\n${error.remedy}\n`;
  const text = cutText(output === null ? "" : body(tool, output as Output), limitBytes);
  // Providers refuse a conversation that has a NUL or half of a surrogate pair, and so does the record.
  return problem + storable(text);
}

/** The outputs of the tools that are rendered; each has the fields of its own tool alone. */
interface Output {
  readonly exitCode?: number | null;
  readonly signal?: string | null;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly content?: string;
  readonly encoding?: string;
  readonly sizeBytes?: number;
  readonly offsetBytes?: number;
  readonly nextOffsetBytes?: number | null;
  readonly entries?: readonly { readonly path: string; readonly type: string; readonly sizeBytes: number }[];
  readonly truncated?: boolean;
}

function body(tool: string, output: Output): string {
  switch (tool) {
    case "execute_command": {
      const end =
        output.exitCode === null ? `ended by ${output.signal ?? "a signal"}` : `exit code ${output.exitCode ?? "?"}`;
      const { stdout = "", stderr = "" } = output;
      return [end, ...(stdout === "" ? [] : ["stdout:", stdout]), ...(stderr === "" ? [] : ["stderr:", stderr])].join(
        "\n",
      );
    }
    case "read_file": {
      if (output.encoding !== "utf8") return JSON.stringify(output);
      const { content = "", offsetBytes = 0, nextOffsetBytes = null, sizeBytes = 0 } = output;
      if (offsetBytes === 0 && nextOffsetBytes === null) return content;
      const more = nextOffsetBytes === null ? "to the end" : `read on with offsetBytes ${nextOffsetBytes}`;
      return `${content}\n[from byte ${offsetBytes} of ${sizeBytes}, ${more}]`;
    }
    case "list_directory": {
      const lines = (output.entries ?? []).map(({ path, type, sizeBytes }) =>
        type === "file" ? `${path} ${sizeBytes} bytes` : `${path} (${type})`,
      );
      if (output.truncated === true) lines.push("[there are more]");
      return lines.length === 0 ? "[empty]" : lines.join("\n");
    }
    default:
      return JSON.stringify(output);
  }
}
