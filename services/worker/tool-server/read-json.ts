import type { IncomingMessage } from "node:http";
import { InvalidCallError } from "./errors.ts";

/** As much as the API takes, and what JSON adds when it is written anew. */
const MAX_BYTES = 40 * 1024 ** 2;

/** The body of a request. @throws InvalidCallError */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new InvalidCallError(`it has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new InvalidCallError("it is not JSON");
  }
}
