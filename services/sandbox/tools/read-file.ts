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
    const { content, encoding, bytes } = decode(buffer.subarray(0, length), offsetBytes + length < size);
    const end = offsetBytes + bytes;
    return succeeded({ content, encoding, sizeBytes: size, offsetBytes, nextOffsetBytes: end < size ? end : null });
  } finally {
    await handle.close();
  }
};

const MAX_CHARACTER_BYTES = 4;

function decode(data: Buffer, cut: boolean): { content: string; encoding: "utf8" | "base64"; bytes: number } {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  for (let dropped = 0; dropped < MAX_CHARACTER_BYTES && dropped <= data.length; dropped++) {
    try {
      const text = data.subarray(0, data.length - dropped);
      if (dropped > 0 && text.length === 0) break;
      return { content: decoder.decode(text), encoding: "utf8", bytes: text.length };
    } catch {
      if (!cut) break; // only a cut may leave half a character
    }
  }
  return { content: data.toString("base64"), encoding: "base64", bytes: data.length };
}
