import { textOrBase64 } from "../../runtime/text-or-base64.ts";
import { succeeded, type Tool } from "./tool.ts";
import { workspaceFiles } from "./workspace-files.ts";

/**
 * Reads part of a file. Text comes as it is and never ends within a character; what is no UTF-8 comes as base64.
 * `nextOffsetBytes` is where to read on, null at the end of the file.
 */
export const readFile: Tool<"read_file"> = async ({ path, offsetBytes, maxBytes }, context) => {
  const handle = await workspaceFiles(context).openFile(path);
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.max(0, Math.min(maxBytes, size - offsetBytes)));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, offsetBytes + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    const { content, encoding, bytes } = textOrBase64(buffer.subarray(0, length), offsetBytes + length < size);
    const end = offsetBytes + bytes;
    return succeeded({ content, encoding, sizeBytes: size, offsetBytes, nextOffsetBytes: end < size ? end : null });
  } finally {
    await handle.close();
  }
};
