/** @throws when the text is no such base64; Node's own decoder skips what it does not know. */
export function decodeBase64(text: string, encoding: "base64" | "base64url"): Buffer {
  const bytes = Buffer.from(text, encoding);
  if (bytes.length === 0 || bytes.toString(encoding) !== text) {
    throw new Error(`an id to import is needed in ${encoding}, ${text.length} other characters were given`);
  }
  return bytes;
}
