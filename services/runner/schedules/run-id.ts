import { createHash } from "node:crypto";

/** The id of a schedule's run at a time, the same whoever makes it: a UUID of version 5 (RFC 9562) in the schedule's name. */
export function runIdOf(scheduleId: string, dueAt: Date): string {
  const bytes = createHash("sha1")
    .update(Buffer.from(scheduleId.replaceAll("-", ""), "hex"))
    .update(dueAt.toISOString())
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
