import { createHash } from "node:crypto";

/**
 * An id made of another one and a name, the same whoever makes it: a UUID of version 5 (RFC 9562) in the other id's
 * name space. What is submitted under it twice is one task.
 */
export function derivedId(id: string, name: string): string {
  const bytes = createHash("sha1")
    .update(Buffer.from(id.replaceAll("-", ""), "hex"))
    .update(name)
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
