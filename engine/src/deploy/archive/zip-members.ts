import { posix } from "node:path";
import { inflateRawSync } from "node:zlib";
import type { ArchiveMember } from "./archive-member.ts";

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const END_BYTES = 22;
const STORED = 0;
const DEFLATED = 8;

/** The files of a zip, in the order of its directory. @param where For messages. @throws Error when it is damaged. */
export function* zipMembers(bytes: Buffer, where: string): Generator<ArchiveMember> {
  const damaged = (what: string) => new Error(`failed to read ZIP ${where}: ${what}`);
  let end = bytes.length - END_BYTES;
  while (end >= 0 && bytes.readUInt32LE(end) !== END_SIGNATURE) end -= 1;
  if (end < 0) throw damaged("it has no directory");
  const count = bytes.readUInt16LE(end + 10);
  let at = bytes.readUInt32LE(end + 16);
  for (let index = 0; index < count; index++) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== ENTRY_SIGNATURE)
      throw damaged("its directory is cut short");
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => bytes.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const name = bytes.toString("utf8", at + 46, at + 46 + nameBytes);
    const [method, packed, start] = [
      bytes.readUInt16LE(at + 10),
      bytes.readUInt32LE(at + 20),
      bytes.readUInt32LE(at + 42),
    ];
    at += 46 + nameBytes + extraBytes + commentBytes;
    if (name.endsWith("/")) continue;
    const from = start + 30 + bytes.readUInt16LE(start + 26) + bytes.readUInt16LE(start + 28);
    const data = bytes.subarray(from, from + packed);
    if (data.length < packed) throw damaged(`${name} is cut short`);
    if (method !== STORED && method !== DEFLATED) throw damaged(`${name} is packed by method ${method}`);
    yield { name: posix.normalize(name), content: method === STORED ? data : inflateRawSync(data) };
  }
}
