import { StringDecoder } from "node:string_decoder";
import type { Tool } from "./tool.ts";

const done = (output: unknown) => ({ ok: true, output, exitCode: null }) as const;

/** Entries of a directory, with type and size; `truncated` when there are more than asked for. */
export const listDirectory: Tool<"list_directory"> = async ({ path, recursive, maxEntries }, { files }) => {
  const { entries, truncated } = await files.list(path, { recursive, maxEntries });
  return done({
    entries: entries.map((entry) => ({
      path: entry.path,
      type: entry.type,
      sizeBytes: entry.sizeBytes,
      modifiedAt: entry.modifiedAt.toISOString(),
    })),
    truncated,
  });
};

/** A part of a file: as text when the bytes are UTF-8, as base64 otherwise. A character that the cut divides is left out. */
export const readFile: Tool<"read_file"> = async ({ path, offsetBytes, maxBytes }, { files }) => {
  const handle = await files.openFile(path);
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.max(0, Math.min(maxBytes, size - offsetBytes)));
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, offsetBytes + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    const bytes = buffer.subarray(0, length);
    const truncated = offsetBytes + length < size;
    const text = asText(bytes, truncated);
    const content = text ?? { content: bytes.toString("base64"), bytes: length };
    return done({
      path,
      encoding: text === undefined ? "base64" : "utf8",
      content: content.content,
      sizeBytes: size,
      nextOffsetBytes: truncated ? offsetBytes + content.bytes : null,
    });
  } finally {
    await handle.close();
  }
};

/** Undefined when the bytes are no UTF-8. `bytes` tells how many of them the text holds. */
function asText(bytes: Buffer, truncated: boolean): { content: string; bytes: number } | undefined {
  const content = truncated ? new StringDecoder("utf8").write(bytes) : bytes.toString("utf8");
  const held = Buffer.from(content, "utf8");
  return held.equals(bytes.subarray(0, held.length)) && bytes.length - held.length < 4
    ? { content, bytes: held.length }
    : undefined;
}

/** Writes a whole file: readers see the old or the new one, never a part. */
export const writeFile: Tool<"write_file"> = async ({ path, content, encoding, createDirectories }, { files }) => {
  const bytes = Buffer.from(content, encoding);
  await files.replaceFile(path, bytes, { createDirectories });
  return done({ path, sizeBytes: bytes.length });
};

/** Makes a directory and those missing on the way; it is no error when it is there. */
export const createDirectory: Tool<"create_directory"> = async ({ path }, { files }) => {
  await files.mkdirs(path);
  return done({ path });
};
