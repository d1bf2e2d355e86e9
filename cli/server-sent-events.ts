/** One event of a `text/event-stream`; comments and retry hints are left out. */
export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly data: string;
}

/** Longer lines than any event of ours: a server that never ends a line must not fill the memory. */
const MAX_LINE_CHARS = 64 * 1_024 * 1_024;

/** Takes a stream apart as the HTML standard says: any line end, `data` over several lines, chunks cut anywhere. */
export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent | "comment"> {
  const decoder = new TextDecoder();
  let rest = "";
  let data: string[] = [];
  let id: string | undefined;
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > MAX_LINE_CHARS)
      throw new Error(`a line of the event stream exceeds ${MAX_LINE_CHARS} characters`);
    const { lines, remainder } = splitLines(rest);
    rest = remainder;
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) yield { id, data: data.join("\n") };
        data = [];
        continue;
      }
      const { field, value } = splitField(line);
      if (field === "") yield "comment";
      if (field === "data") data.push(value);
      if (field === "id" && !value.includes("\0")) id = value;
    }
  }
}

/** A carriage return at the very end may be half of a line end: it waits for the next chunk. */
function splitLines(text: string): { lines: string[]; remainder: string } {
  const lines = text.split(/\r\n|\n|\r(?!$)/);
  const remainder = lines.pop() ?? "";
  return { lines, remainder };
}

function splitField(line: string): { field: string; value: string } {
  const colon = line.indexOf(":");
  if (colon === -1) return { field: line, value: "" };
  return { field: line.slice(0, colon), value: line.slice(colon + 1).replace(/^ /, "") };
}
